import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../harness/programs.ts'
import { scoreboard } from './scoreboard.ts'

describe('the scoreboard of faults', () => {
  test.each(scoreboard.flatMap(({ row, proofs }) => proofs.map(([file, title]) => [row, title, file] as const)))(
    '%i is proved by a test: %s',
    (_row, title, file) => {
      expect(existsSync(join(ROOT, file)), file).toBe(true)
      // The title of a suite that runs for several kinds begins with the kind.
      const rest = title.replace(/^(git|rsync|http) /, '')
      const sources = [file, ...['', '-folder'].map((part) => `packages/worker/src/testing/conformance${part}.ts`)]
        .map((path) => readFileSync(join(ROOT, path), 'utf8'))
        .join('\n')
        // A comment proves nothing.
        .replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '')
      expect(sources.includes(rest) || sources.includes(rest.replace(/ is suddenly empty$/, ' %s')), title).toBe(true)
    },
  )

  test('has each row once', () => {
    const rows = scoreboard.map(({ row }) => row)
    expect(new Set(rows).size).toBe(rows.length)
  })
})

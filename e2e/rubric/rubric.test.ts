// rubric.test.ts — Each answer of the rubric stands on a test or a measurement that is there.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../harness/programs.ts'
import { rubric } from './rubric.ts'

describe('the rubric', () => {
  test('has 28 questions, each with a proof', () => {
    expect(rubric.map(({ row }) => row)).toEqual(Array.from({ length: 28 }, (_, index) => index + 1))
    expect(rubric.filter(({ proofs }) => proofs.length === 0)).toEqual([])
  })

  test.each(rubric.flatMap(({ row, proofs }) => proofs.map(([file, title]) => [row, title, file] as const)))(
    '%i is answered by: %s',
    (_row, title, file) => {
      expect(existsSync(join(ROOT, file)), file).toBe(true)
      // A comment proves nothing.
      const source = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '')
      expect(source).toContain(title)
    },
  )
})

// install.test.ts — "Install" of docs/operations.md as far as files show it: nothing starts systemd or containers here.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { expectDocumented } from '../harness/documented.ts'
import { ROOT } from '../harness/programs.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts

describe('what an operator installs', () => {
  test('is built by a command that is there', () => {
    expectDocumented('run `npm ci && npm run build`')
    expect(scripts).toHaveProperty('build')
    expect(existsSync(join(ROOT, 'node_modules', '.bin', 'kagami'))).toBe(true)
  })

  test.each(['supervisor', 'worker'])('units name programs and files that are there (%s)', (part) => {
    expectDocumented(`\`examples/kagami-${part}.service\``)
    expectDocumented(`\`kagami run ${part}\``)
    const unit = read(`examples/kagami-${part}.service`)
    const [, ...words] = /^ExecStart=(.*)$/m.exec(unit)![1]!.split(' ')
    const [, program, ...rest] = /^ExecStart=.*? (\/opt\/kagami\/\S+\.js) (.*)$/m.exec(unit)!
    expect(words.length).toBeGreaterThan(2)
    expect(existsSync(program!.replace('/opt/kagami', ROOT)), program).toBe(true)
    expect(existsSync(join(ROOT, 'node_modules', 'node', 'bin', 'node'))).toBe(true)
    expect(rest).toEqual([`run ${part}`])
    expect(unit).toMatch(/^RestartPreventExitStatus=2$/m)
  })

  test('containers are built from files that are there', () => {
    expectDocumented('`examples/compose.yaml`')
    const compose = read('examples/compose.yaml')
    for (const [, file] of compose.matchAll(/dockerfile: (\S+?) /g))
      expect(existsSync(join(ROOT, file!)), file).toBe(true)
    for (const [, file] of compose.matchAll(/'\.\/(\S+?\.toml):/g))
      expect(existsSync(join(ROOT, 'examples', file!)), file).toBe(true)
  })
})

// files.test.ts — Limits of files, folders and lines, the format, and the first line of each file.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { code, markup, product, read, ROOT } from './sources.ts'

const WIDTH = 120

/** Characters as an editor counts columns. */
const columns = (line: string) => Array.from(line).length

describe('every file', () => {
  test('is formatted', () => {
    const formatter = join(ROOT, 'node_modules', '.bin', 'oxfmt')
    const { status, stdout, stderr } = spawnSync(formatter, ['--list-different', '.'], { cwd: ROOT, encoding: 'utf8' })
    expect([status, stdout + stderr], 'run npm run format').toEqual([0, ''])
  })

  test(`has no line over ${WIDTH} columns`, () => {
    const wide = [...code, ...markup].flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => (columns(line) > WIDTH ? [`${file}, line ${index + 1}`] : [])),
    )
    expect(wide).toEqual([])
  })

  test('has at most 350 lines', () => {
    expect([...code, ...markup].filter((file) => read(file).split('\n').length > 351)).toEqual([])
  })

  test('begins with a comment about what is in it', () => {
    // A component has this comment in its script.
    const says = (file: string) =>
      file.endsWith('.vue') ? /^\/\/ /m.test(read(file).split('</script>')[0]!) : /^(#!.*\n)?\/\/ /.test(read(file))
    expect(code.filter((file) => !file.endsWith('.test.ts') && !says(file))).toEqual([])
  })

  test('names itself in its first line, when it names a file there', () => {
    const named = (file: string) => /^\/\/ ([\w./-]+\.ts) — /.exec(read(file))?.[1]
    expect(code.filter((file) => named(file) !== undefined && !`/${file}`.endsWith(`/${named(file)}`))).toEqual([])
  })
})

describe('every folder', () => {
  test('has at most 25 files of code', () => {
    const sizes = new Map<string, number>()
    for (const file of code) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1)
    expect([...sizes].filter(([, size]) => size > 25)).toEqual([])
  })

  test('is at most two below src', () => {
    expect(product.filter((file) => file.split('/').length > 6)).toEqual([])
  })
})

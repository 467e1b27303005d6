// documents.test.ts — Links and names in documents and comments exist, and generated pages are up to date.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { code, documents, markup, read, ROOT } from './sources.ts'

describe('the documents', () => {
  test.each(documents)('%s has no broken link', (document) => {
    const links = [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1]!,
    )
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(document), link)))).toEqual([])
  })

  test.each(documents.filter((document) => document !== 'CHANGELOG.md'))('%s names files that exist', (document) => {
    const named = [...read(document).matchAll(/`((?:packages|e2e|bench|scripts|examples|docs)\/[\w./-]+)`/g)]
    expect(named.map((match) => match[1]!).filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  test('README gives both commands in its first screen', () => {
    const first = read('README.md').split('\n').slice(0, 40).join('\n')
    expect(first).toContain('npm ci && npm start')
    expect(first).toContain('npm ci && npm test')
  })

  test('that are generated are up to date', () => {
    const check = spawnSync(process.execPath, [join(ROOT, 'scripts', 'docs.ts'), '--check'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    expect([check.status, check.stdout + check.stderr]).toEqual([0, expect.anything()])
  })
})

describe('code and documents', () => {
  const known = new Set(documents.map((path) => basename(path)))
  const all = [...code, ...markup, ...documents]

  test('refer only to documents that are here', () => {
    // Files of other projects and of tests are written with a folder or in quotes. These are names without either.
    const prose = (path: string) =>
      /\.(ts|js|vue)$/.test(path) ? (read(path).match(/^\s*(?:\/\/|\*|\/\*\*).*$/gm) ?? []).join('\n') : read(path)
    const strangers = all.flatMap((path) =>
      [...prose(path).matchAll(/(?<![\w/.-])(?:docs\/)?((?:[\w-]+\/)*[\w-]+\.md)\b/g)]
        .map((match) => match[1]!)
        .filter((name) => !known.has(basename(name)) && !/^README\.md$/.test(name))
        .map((name) => `${path} refers to ${name}`),
    )
    expect(strangers).toEqual([])
  })

  test('number no sections of documents', () => {
    const sign = String.fromCodePoint(0xa7)
    expect(all.filter((path) => read(path).includes(sign))).toEqual([])
  })
})

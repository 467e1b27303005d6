// bundle.test.ts — The launcher takes the bundle only while every source is as it was when it was made; every way to
// start a program gives Node the same flags.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BUNDLE_FILE, freshBundle, SOURCE } from '../bin/bundle.js'
import { NODE_FLAGS } from '../bin/flags.js'

const ENTRY = 'packages/cli/dist/1/kagami.js'
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kagami-bundle-'))
  for (const path of [ENTRY, SOURCE, 'package-lock.json']) write(path, 'text\n')
  const sources = [SOURCE, 'package-lock.json'].map((path) => {
    const { size, mtimeMs } = statSync(join(root, path))
    return [path, size, mtimeMs]
  })
  write(BUNDLE_FILE, JSON.stringify({ entry: ENTRY, sources }))
})
afterEach(() => rmSync(root, { recursive: true }))

function write(path: string, content: string) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

it('is taken while nothing has changed', () => expect(freshBundle(root)).toBe(ENTRY))

it.each([
  ['a source is longer', () => write(SOURCE, 'another text\n')],
  ['a source is newer', () => utimesSync(join(root, SOURCE), 2_000_000_000, 2_000_000_000)],
  ['a source is older, as after git checkout', () => utimesSync(join(root, SOURCE), 1_000_000_000, 1_000_000_000)],
  ['a source is gone', () => unlinkSync(join(root, SOURCE))],
  ['other libraries are installed', () => write('package-lock.json', '{}\n')],
  ['it is gone itself', () => unlinkSync(join(root, ENTRY))],
  ['it was never made', () => unlinkSync(join(root, BUNDLE_FILE))],
  ['its list is damaged', () => write(BUNDLE_FILE, '{"entry":')],
])('is left alone when %s', (_, change) => {
  change()
  expect(freshBundle(root)).toBe(null)
})

it('is started with the flags of Node, by its first line as by the images', () => {
  const top = join(import.meta.dirname, '..', '..', '..')
  const read = (path: string) => readFileSync(join(top, path), 'utf8')
  expect(read('packages/cli/bin/kagami.js').split('\n')[0]).toBe(`#!/usr/bin/env -S node ${NODE_FLAGS.join(' ')}`)
  const flags = NODE_FLAGS.map((flag) => JSON.stringify(flag)).join(', ')
  for (const image of ['Dockerfile.supervisor', 'Dockerfile.worker']) {
    expect(read(image)).toContain(`ENTRYPOINT ["tini", "--", "node", ${flags}, `)
    expect(read(image)).toContain(`as_kagami node ${NODE_FLAGS.join(' ')} `)
  }
})

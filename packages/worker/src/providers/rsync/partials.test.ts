// partials.test.ts — Where incomplete files are kept between two runs, in folders of any name.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nameOfBytes, pathBytes, removePath } from '../../names.ts'
import { PARTIAL } from './options.ts'
import { removePartials, restorePartials, stashPartials } from './partials.ts'

const strange = nameOfBytes(Buffer.from([0xe9, 0x0a, 0xff]))

describe('incomplete files', () => {
  let dir: string
  let tree: string
  let stash: string
  const partial = (root: string, folder: string) => pathBytes(join(root, folder, PARTIAL, strange))
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kagami-partials-'))
    tree = join(dir, 'tree')
    stash = join(dir, 'stash')
    for (const folder of ['', 'plain', strange, join(strange, strange)]) {
      mkdirSync(pathBytes(join(tree, folder, PARTIAL)), { recursive: true })
      writeFileSync(partial(tree, folder), folder)
    }
  })
  afterEach(() => removePath(dir))

  it('leave the tree, and come back to folders that are still there and stay', () => {
    stashPartials(tree, stash)
    expect(existsSync(partial(tree, strange))).toBe(false)
    removePath(join(tree, strange, strange))
    restorePartials(stash, tree, (folder) => folder !== 'plain')
    expect(existsSync(partial(tree, strange))).toBe(true)
    expect(existsSync(partial(tree, ''))).toBe(true)
    expect(existsSync(partial(tree, 'plain'))).toBe(false)
    expect(existsSync(stash)).toBe(false)
  })

  it('replace what was kept of the same files before', () => {
    stashPartials(tree, stash)
    mkdirSync(pathBytes(join(tree, strange, PARTIAL)))
    writeFileSync(partial(tree, strange), 'newer')
    stashPartials(tree, stash)
    restorePartials(stash, tree, () => true)
    expect(readFileSync(partial(tree, strange), 'utf8')).toBe('newer')
  })

  it('can be removed from every folder', () => {
    removePartials(tree)
    for (const folder of ['', 'plain', strange, join(strange, strange)]) {
      expect(existsSync(partial(tree, folder))).toBe(false)
      expect(existsSync(pathBytes(join(tree, folder)))).toBe(true)
    }
  })
})

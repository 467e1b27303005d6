// servers.test.ts — Trees behind the web servers people run, in every form their listings have.
import { execFileSync } from 'node:child_process'
import { rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import { recipes, startWebServer } from '../../testing/web-servers.ts'

const OLD = 1_600_000_000
const AWKWARD = [
  'a.bin',
  'b & c <d>.txt',
  'a%20b',
  'q?x=1',
  'h#1',
  '日本.txt',
  'empty',
  '.hidden',
  'dir with space/x.txt',
  'sub/deep/er/y',
  "it's",
  'semi;colon',
  'plus+plus',
  'a:b',
]

describe.each(Object.keys(recipes) as (keyof typeof recipes)[])('a tree behind %s', (kind) => {
  let sandbox: Sandbox
  let root: string
  let url: string
  let stop: () => Promise<void>
  beforeEach(async () => {
    sandbox = createSandbox()
    execFileSync('chmod', ['755', sandbox.dir])
    root = join(sandbox.dir, 'upstream')
    for (const name of AWKWARD) write(name, name === 'empty' ? '' : `content of ${name}\n`.repeat(100))
    write('big.iso', Buffer.alloc(1_300_000, 'big'))
    ;({ url, stop } = await startWebServer(kind, { root, state: join(sandbox.dir, 'state') }))
  })
  afterEach(async () => {
    await stop()
    sandbox.remove()
  })
  const write = (name: string, content: string | Buffer) => {
    writeFiles(root, { [name]: content })
    utimesSync(join(root, name), OLD, OLD)
  }
  const sync = () => sandbox.sync({ kind: 'http', upstream: `${url}/` })
  // Some servers do not list names that begin with a point; then they are not part of the tree.
  const listed = () => Object.fromEntries(Object.entries(readTree(root)).filter(([path]) => path !== '.hidden'))
  const copied = () =>
    Object.fromEntries(Object.entries(readTree(sandbox.published)).filter(([path]) => path !== '.hidden'))

  it('is copied whole, not copied twice, and followed', async () => {
    const first = await sync()
    expect(first, first.message ?? '').toMatchObject({ outcome: 'success' })
    expect(copied()).toEqual(listed())
    expect(await sync()).toMatchObject({ outcome: 'success', bytes: 0 })
    write('a.bin', 'changed, and longer than it was before by some bytes'.repeat(100))
    write('new/file', 'new\n')
    rmSync(join(root, 'big.iso'))
    const after = await sandbox.sync({ kind: 'http', upstream: `${url}/`, options: { max_shrink_percent: 100 } })
    expect(after, after.message ?? '').toMatchObject({ outcome: 'success' })
    expect(copied()).toEqual(listed())
  })
})

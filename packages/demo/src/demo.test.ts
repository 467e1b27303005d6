// demo.test.ts — The demo: three upstreams that answer, change, and can be started again in the same folder.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runChild, startDemo, type Demo } from './index.ts'

let dir: string
let demo: Demo | null
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'kagami-demo-'))))
afterEach(async () => {
  await demo?.stop()
  rmSync(dir, { recursive: true })
})

describe('the demo', () => {
  it('has an upstream of each kind, and starts again in the same folder', async () => {
    demo = await startDemo({ dir })
    await demo.stop()
    demo = await startDemo({ dir })
    expect(demo.missing).toEqual([])
    expect(demo.upstreams.map(({ kind }) => kind)).toEqual(['git', 'rsync', 'http'])
    const [git, rsync, http] = demo.upstreams.map(({ upstream }) => upstream)
    expect(await runChild('git', ['ls-remote', git ?? ''])).toContain('refs/heads/main')
    expect(await runChild('rsync', ['--list-only', rsync ?? ''])).toContain('README.txt')
    expect(await (await fetch(http ?? '')).text()).toContain('release')
  })

  it('changes what its upstreams have', async () => {
    demo = await startDemo({ dir, everySeconds: 0.05 })
    const head = () => readFileSync(join(dir, 'git/hello.git/refs/heads/main'), 'utf8')
    const file = () => readFileSync(join(dir, 'http/release.txt'), 'utf8')
    const index = () => readFileSync(join(dir, 'rsync/files/index.txt'), 'utf8')
    await vi.waitFor(index)
    const before = [head(), file(), index()]
    await vi.waitFor(() => [head(), file(), index()].forEach((now, part) => expect(now).not.toBe(before[part])))
  })

  it('reports which tool is missing and starts the others', async () => {
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      demo = await startDemo({ dir })
      expect(demo.upstreams.map(({ kind }) => kind)).toEqual(['http'])
      expect(demo.missing.map(({ kind }) => kind)).toEqual(['git', 'rsync'])
    } finally {
      process.env.PATH = path
    }
  })
})

// dumb.test.ts — Repositories behind a plain web server: a list of refs that was cut off deletes nothing.
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { commit, ensureRepository, runChild } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

describe('a repository behind a plain web server that gives no length', () => {
  let sandbox: Sandbox
  let repository: string
  let server: Server
  let url: string
  /** What is sent of the list of refs. */
  let cut: (list: string) => string
  let length: boolean
  const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
  const refsOf = (gitDir: string) => git(gitDir, 'for-each-ref', '--format=%(objectname) %(refname)')
  beforeEach(async () => {
    sandbox = createSandbox()
    repository = join(sandbox.dir, 'a.git')
    cut = (list) => list
    length = false
    await ensureRepository(repository)
    for (const branch of ['main', 'one', 'two', 'three', 'four', 'five', 'six', 'seven'])
      await commit(repository, { branch, message: branch, files: { [branch]: `${branch}\n` } })
    await git(repository, 'update-server-info')
    server = createServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', (asked) => {
          const path = /^GET \/a\.git\/([^ ?]*)/.exec(asked.toString())?.[1] ?? ''
          const file = join(repository, path)
          if (!existsSync(file) || path.includes('..')) return socket.end('HTTP/1.0 404 Not Found\r\n\r\n')
          const whole = readFileSync(file)
          const body = path === 'info/refs' ? Buffer.from(cut(whole.toString())) : whole
          const said = length ? `Content-Length: ${body.length}\r\n` : ''
          socket.write(`HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n${said}\r\n`)
          return socket.end(body)
        })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/a.git`
  })
  afterEach(() => {
    server.close()
    sandbox.remove()
  })
  const sync = (options = {}) => sandbox.sync({ kind: 'git', upstream: url, options })

  it('is mirrored, and keeps every ref when the list ends early, in a line or between two', async () => {
    expect(await sync()).toMatchObject({ outcome: 'success', files: 8 })
    const before = await refsOf(sandbox.published)
    expect(before).toBe(await refsOf(repository))
    cut = (list) => list.slice(0, -10)
    const inLine = await sync()
    expect(inLine).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(inLine.message).toContain('ends in the middle of a line')
    cut = (list) => `${list.split('\n').slice(0, -2).join('\n')}\n`
    await commit(repository, { branch: 'main', message: 'newer', files: { main: 'newer\n' } })
    await git(repository, 'update-server-info')
    const between = await sync()
    expect(between).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(between.message).toContain('nothing was deleted')
    expect((await refsOf(sandbox.published)).split('\n')).toHaveLength(before.split('\n').length)
    expect(await git(sandbox.published, 'rev-parse', 'main')).toBe(await git(repository, 'rev-parse', 'main'))
    cut = (list) => list
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
  })

  it('loses the refs that its options leave out later, and only these', async () => {
    await sync()
    const refs = ['refs/heads/*', '^refs/heads/t*']
    expect(await sync({ refs, max_delete_percent: 50 })).toMatchObject({ outcome: 'success', files: 6 })
    expect(await refsOf(sandbox.published)).not.toMatch(/refs\/heads\/t/)
    cut = (list) => `${list.split('\n').slice(0, -4).join('\n')}\n`
    expect(await sync({ refs })).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect((await refsOf(sandbox.published)).trim().split('\n')).toHaveLength(6)
  })

  it('that gives one deletes what the upstream deleted', async () => {
    expect(await sync()).toMatchObject({ outcome: 'success', files: 8 })
    length = true
    await git(repository, 'branch', '-D', 'seven')
    await git(repository, 'update-server-info')
    expect(await sync()).toMatchObject({ outcome: 'success', files: 7 })
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
  })
})

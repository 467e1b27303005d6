// by-id.test.ts — What changed is fetched by its ids, as it was listed; what an upstream does not give so is fetched by
// name.
import { spawnSync } from 'node:child_process'
import { startGitUpstream } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { refsOf, repositoryForEach } from '../../testing/git-repository.ts'
import { startLyingServer, type HostileRequest } from '../../testing/hostile.ts'

const BY_NAME = 'its refs are fetched by their names'
const packet = (text: string) => (text.length + 4).toString(16).padStart(4, '0') + text

describe('a repository of which little changed', () => {
  const served = repositoryForEach('http')
  const { git, change, sync } = served
  const inUpstream = (...args: string[]) => spawnSync('git', [`--git-dir=${served.repository}`, ...args])
  const isGit = (request: HostileRequest['request']) => /^git\/[\d.]+$/.test(String(request.headers['user-agent']))
  const lying = async (lie: (exchange: HostileRequest) => Promise<boolean> | boolean) => {
    const server = await startLyingServer(new URL(served.upstream).origin, lie)
    served.stops.push(server.stop)
    return `http://127.0.0.1:${server.port}/a.git`
  }
  const expectMirrored = async () =>
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))

  it('is not asked for its list a second time, and says only what changed', async () => {
    for (const name of ['one', 'two', 'three']) await git('branch', name)
    const asked: string[] = []
    const upstream = await lying(({ request, asked: body }) => {
      if (request.method === 'POST') asked.push(`${isGit(request) ? 'git' : 'Kagami'}: ${body.toString('latin1')}`)
      return false
    })
    await sync({}, { upstream })
    await change('more', 'two')
    await git('branch', 'four')
    await git('branch', '-D', 'three')
    asked.length = 0
    expect(await sync({ max_delete_percent: 100 }, { upstream })).toMatchObject({ outcome: 'success' })
    await expectMirrored()
    expect(asked.filter((body) => body.includes('command=ls-refs'))).toEqual([expect.stringMatching(/^Kagami/)])
    const wants = asked.flatMap((body) => [...body.matchAll(/want ([0-9a-f]{40})/g)].map(([, id]) => id))
    expect([...new Set(wants)]).toEqual([await git('rev-parse', 'two')])
  })

  it('is not asked by git at all when refs only go', async () => {
    await git('branch', 'gone')
    let requests = 0
    const server = await startGitUpstream({ dir: served.dir, intercept: (request) => isGit(request) && ++requests < 0 })
    served.stops.push(server.stop)
    const upstream = `${server.url}/a.git`
    await sync({}, { upstream })
    await git('branch', '-D', 'gone')
    requests = 0
    expect(await sync({ max_delete_percent: 100 }, { upstream })).toMatchObject({ outcome: 'success' })
    await expectMirrored()
    expect(requests).toBe(0)
  })

  it('comes as it is then, when what was listed is gone before it is fetched', async () => {
    await sync()
    await change('lost')
    let moved = false
    const upstream = await lying(({ request }) => {
      if (!isGit(request) || moved) return false
      moved = true
      inUpstream('update-ref', 'refs/heads/main', 'main~1')
      inUpstream('reflog', 'expire', '--expire=now', '--all')
      inUpstream('gc', '-q', '--prune=now')
      return false
    })
    const report = await sync({}, { upstream })
    expect(report, served.sandbox.log(report)).toMatchObject({ outcome: 'success' })
    expect(served.sandbox.log(report)).toContain(BY_NAME)
    await expectMirrored()
  })

  it.each(['fatal: remote error: want %s not valid', 'ERR upload-pack: not our ref %s', 'ERR no such thing here: %s'])(
    'comes by names from an upstream that says "%s"',
    async (words) => {
      await sync()
      await change('more')
      const upstream = await lying(({ request, asked, response }) => {
        const id = /want ([0-9a-f]{40})/.exec(asked.toString('latin1'))?.[1]
        if (!isGit(request) || !id || refused) return false
        refused = true
        response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' })
        response.end(packet(words.replace('fatal: remote error: ', 'ERR ').replace('%s', id)))
        return true
      })
      let refused = false
      const report = await sync({}, { upstream })
      expect(report, served.sandbox.log(report)).toMatchObject({ outcome: 'success' })
      expect(served.sandbox.log(report)).toContain(BY_NAME)
      await expectMirrored()
    },
  )

  it.each(['refs/heads/x:refs/heads/main', 'refs/heads/../../config', 'refs/heads/*'])(
    'takes a listed name like %s for no refspec',
    async (name) => {
      await sync()
      await change('more')
      const main = await git('rev-parse', 'main')
      const upstream = await lying(async ({ asked, answer, response }) => {
        if (!asked.includes('ls-refs')) return false
        const { status, type, body } = await answer()
        const line = packet(`${main} ${name}\n`)
        response.writeHead(status, { 'content-type': type })
        response.end(Buffer.concat([body.subarray(0, -4), Buffer.from(`${line}0000`)]))
        return true
      })
      await sync({}, { upstream })
      await expectMirrored()
    },
  )
})

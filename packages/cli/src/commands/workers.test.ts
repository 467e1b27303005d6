// workers.test.ts — kagami workers: lists, details, and decisions by name.
import { Refusal } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, aWorker } from '../testing/samples.ts'

const api = await startApi({
  listWorkers: ({ query }) =>
    query?.presence === 'lost'
      ? aPage()
      : aPage(
          aWorker({
            worker_id: 'w-2',
            name: 'new-1',
            admission: 'pending',
            jobs: null,
            storage: null,
            disk_forecast: null,
            version: null,
          }),
          aWorker(),
          aWorker({ worker_id: 'w-3', name: 'old-1', version: null, older_wire: true, presence: 'lost' }),
        ),
  getWorker: ({ params: { id } }) => {
    if (id !== 'sh-12') throw new Refusal('not_found', `there is no worker "${id}"`)
    return aWorker({
      reason: 'unknown machine',
      admission: 'rejected',
      kinds: [
        { kind: 'git', available: true, detail: 'git 2.47', options: {}, roots: ['/srv/in'] },
        { kind: 'rsync', available: false, detail: 'rsync is not installed', options: {} },
      ],
    })
  },
  approve: () => undefined,
  reject: () => undefined,
  terminate: () => undefined,
  revokeWorker: () => undefined,
})
const run = (line: string) => runKagami(line, api.env)
const lastAsked = () => api.asked.at(-1)

describe('kagami workers', () => {
  it('alone lists them, in columns', async () => {
    const { code, stdout } = await run('workers')
    const [head, pending, online, older] = stdout.split('\n').map((line) => line.split(/ {2,}/))
    expect(code).toBe(0)
    expect(head).toEqual(['STATE', 'NAME', 'ID', 'VERSION', 'REPLICAS', 'SYNCING', 'DISK', 'FULL IN', 'SEEN'])
    expect(pending).toEqual(['○ pending', 'new-1', 'w-2', '-', '2 declared', '-', '-', '-', '5s ago'])
    expect(online?.slice(0, 4)).toEqual(['✓ online', 'sh-12', 'w-1', '0.1.0'])
    expect(online?.slice(-4)).toEqual(['1/4 +2', '25% of 1.0 TiB', '~23d', '5s ago'])
    expect(older?.slice(0, 4)).toEqual(['? silent', 'old-1', 'w-3', 'older'])
  })
  it('passes filters on, and says how to start one when there is none', async () => {
    const { code, stdout, stderr } = await run('workers list --admission approved --presence lost --limit 7')
    expect(lastAsked()?.query).toEqual({ admission: 'approved', presence: 'lost', limit: 7 })
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toContain('No workers. Start one: kagami run worker --nats-url URL')
    expect(stderr).toContain('KAGAMI_JOIN_TOKEN')
  })
  it('says when the list goes on', async () => {
    const { stdout, stderr } = await run('workers list --limit 1')
    expect(stdout.split('\n')).toHaveLength(3)
    expect(stderr).toBe('1 of 3 workers shown; --limit shows more\n')
  })
  it('get shows what is known, and nothing of what is not', async () => {
    const { stdout } = await run('workers get sh-12')
    expect(stdout).toMatch(/admission +✕ rejected by token, \d+h ago/)
    expect(stdout).toMatch(/reason +unknown machine/)
    expect(stdout).toMatch(
      /kinds +✓ git \(git 2\.47\), also file:\/\/ below \/srv\/in\n +✕ rsync \(rsync is not installed\)/,
    )
    expect(stdout).toMatch(/applied +revision 3 of 3/)
    expect(stdout).not.toContain('conflict')
  })
})

describe('a decision about a worker', () => {
  it.each([
    ['approve sh-12', 'approve', undefined, 'Approved sh-12\n'],
    ['reject sh-12 --reason spare', 'reject', { reason: 'spare' }, /^Rejected sh-12\./],
    ['reject sh-12', 'reject', { reason: null }, /^Rejected sh-12\./],
    ['terminate sh-12 --yes', 'terminate', undefined, 'Terminated sh-12\n'],
  ])('workers %s', async (line, name, body, text) => {
    const { code, stdout } = await run(`workers ${line}`)
    expect([code, stdout]).toEqual([0, expect.stringMatching(text)])
    expect(lastAsked()).toMatchObject({ name, params: { id: 'w-1' } })
    expect(lastAsked()?.body).toEqual(body)
  })
  it('revokes by the word that was given', async () => {
    const { stdout } = await run('workers revoke w-9 --reason stolen')
    expect(stdout).toContain('Revoked w-9.')
    expect(lastAsked()).toMatchObject({ name: 'revokeWorker', params: { id: 'w-9' }, body: { reason: 'stolen' } })
  })
  it('about several stops at the first that is not there', async () => {
    const before = api.asked.length
    const { code, stdout, stderr } = await run('workers approve sh-12 nobody sh-12')
    expect([code, stdout]).toEqual([3, 'Approved sh-12\n'])
    expect(stderr).toContain('there is no worker "nobody"')
    expect(api.asked.slice(before).filter(({ name }) => name === 'approve')).toHaveLength(1)
  })
  it('that cannot be undone needs a yes where nobody can be asked', async () => {
    const { code, stderr } = await run('workers terminate sh-12')
    expect([code, stderr]).toEqual([2, expect.stringContaining('kagami workers terminate w-1 --yes')])
    expect(lastAsked()?.name).toBe('getWorker')
  })
  it('is JSON for programs', async () => {
    expect(JSON.parse((await run('workers approve sh-12 --json')).stdout)).toEqual({
      worker_id: 'w-1',
      admission: 'approved',
    })
  })
})

describe('kagami supervisor', () => {
  it.each([
    ['approve', 'Approved w-1\n'],
    ['terminate', 'Terminated w-1\n'],
  ])('%s takes an id as it is', async (verb, text) => {
    const { code, stdout } = await run(`supervisor ${verb} w-1`)
    expect([code, stdout]).toEqual([0, text])
    expect(lastAsked()).toMatchObject({ name: verb, params: { id: 'w-1' } })
  })
})

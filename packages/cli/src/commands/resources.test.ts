// resources.test.ts — kagami resources, also called mirrors: one name across the fleet.
import { expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, aReplica, aResource } from '../testing/samples.ts'

const api = await startApi({
  listResources: ({ query }) => (query?.status === 'error' ? aPage() : aPage(aResource())),
  getResource: ({ params: { id } }) => ({
    ...aResource({ name: id }),
    replicas: [
      aReplica(),
      aReplica({ worker_name: 'sh-13', health: 'failed', last_success_at: null, revision: 'abc' }),
    ],
  }),
  pauseResource: () => undefined,
  resumeResource: () => undefined,
})
const run = (line: string) => runKagami(line, api.env)

it.each(['resources', 'mirrors', 'mirrors list'])(
  'kagami %s lists mirrors, with all their replicas by health',
  async (line) => {
    const { code, stdout } = await run(line)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^HEALTH +MIRROR +REPLICAS +KIND +NEWEST OK +SIZE +NEXT\n/)
    expect(stdout).toMatch(/✕ failed +debian +✕ 1 failed {2}✓ 1 fresh +rsync +2m ago +5\.0 GiB +in 60m\n$/)
  },
)
it('says how to add one when there is none, and that none matches when there are filters', async () => {
  const empty = await startApi({ listResources: () => aPage() })
  const { stdout, stderr } = await runKagami('mirrors list', empty.env)
  expect([stdout, stderr]).toEqual(['', 'No mirrors yet. Add one: kagami replicas add URL --worker WORKER\n'])
  expect((await run('mirrors list --status error')).stderr).toBe('No mirror matches.\n')
})
it('passes every filter on', async () => {
  await run('mirrors list --health !fresh,failed --kind !git --label env=prod --sort -size_bytes --limit 5')
  expect(api.asked.at(-1)?.query).toEqual({
    health: '!fresh,failed',
    kind: '!git',
    label: 'env=prod',
    sort: '-size_bytes',
    limit: 5,
  })
})
it('get shows the copies of one mirror side by side', async () => {
  const { stdout } = await run('mirrors get debian')
  expect(stdout).toMatch(/✓ fresh +sh-12 +2m ago +5\.0 GiB +- +in 60m\n✕ failed +sh-13 +never +5\.0 GiB +abc/)
})
it('pauses and resumes every copy', async () => {
  expect((await run('mirrors pause debian --reason moving')).stdout).toBe('Paused every replica of debian\n')
  expect(api.asked.at(-1)).toMatchObject({
    name: 'pauseResource',
    params: { id: 'debian' },
    body: { reason: 'moving' },
  })
  expect((await run('mirrors resume debian')).stdout).toBe('Resumed every replica of debian\n')
  expect(JSON.parse((await run('mirrors pause debian --json')).stdout)).toEqual({ name: 'debian', paused: true })
})

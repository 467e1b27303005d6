// readme.test.ts — Every command line of README.md that is shown with its output runs as written. Those that start
// programs are followed by e2e/scenarios/cli.test.ts, those of the first screen by up.test.ts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { runLine } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { ROOT, startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const TOKEN = 'a-token-for-the-lines-of-the-readme'
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const lines = [...new Set([...readme.matchAll(/^\$ (.+)$/gm)].map((match) => match[1]!))]

/** What each prints at least, by its first words. */
const printed: readonly [line: string, says: RegExp][] = [
  ['npx kagami status', /^Supervisor {2}http:.*\nWorkers .*\nMirrors .*\nStorage .*\nNeeds attention\n/],
  ['npx kagami replicas', /^HEALTH +REPLICA +KIND +LAST OK +FAILING +CAUSE +SIZE +NEXT\n/],
  [
    'npx kagami logs notes.txt@demo',
    /E failed \(upstream_missing\): the upstream answered 404: there is no such file\n$/,
  ],
  ['npx kagami syncs', /^RESULT +SYNC +REPLICA +TRIGGER +STARTED +TOOK +RECEIVED +CAUSE\n/],
  ['npx kagami workers', /^STATE +NAME +ID +VERSION +REPLICAS +SYNCING +DISK +FULL IN +SEEN\n.*pending +sh-12 /],
  ['npx kagami workers approve sh-12', /^Approved sh-12\n$/],
  ['curl -s http://127.0.0.1:21000/overview', /^\{"workers_total":2,"workers_approved":2,/],
  ["curl -s 'http://127.0.0.1:21000/api/v1/replicas?health=stale&limit=1'", /^\{"items":\[\],"next_cursor":null,/],
  ['curl -s -X POST http://127.0.0.1:21000/workers/ID/approve', /^\{"error":\{"code":"unauthorized",/],
]

describe('README.md', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, {
      nats: nats.url,
      env: { SUPERVISOR_AUTO_APPROVE: 'false', SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: TOKEN },
    })
    const upstream = await startHttpUpstream({ dir: place.at('.') })
    place.onEnd(() => upstream.stop())
    const start = (name: string, file: string) =>
      startWorker(place, {
        nats: nats.url,
        dir: name,
        env: { KAGAMI_NAME: name },
        providers: [{ name: file, kind: 'http', upstream: `${upstream.url}/${file}`, interval_secs: 3600 }],
      })
    await Promise.all([start('demo', 'notes.txt'), start('sh-12', 'hello')])
    const workers = async () => (await supervisor.api.call('listWorkers')).items
    await until('both wait', async () => (await workers()).length === 2)
    await supervisor.api.call('approve', {
      params: { id: (await workers()).find(({ name }) => name === 'demo')!.worker_id },
    })
    await until(
      'the mirror has failed',
      async () => (await supervisor.api.call('listReplicas')).items[0]?.health === 'failed',
    )
  })

  test('shows no command that is not run here', () => expect(lines).toEqual(printed.map(([line]) => line)))

  test.each(printed)('%s', async (line, says) => {
    const mine = line.replace('http://127.0.0.1:21000', supervisor.url)
    const { stdout, stderr, code } = await runLine(place, mine, {
      KAGAMI_API: supervisor.url,
      KAGAMI_TOKEN: TOKEN,
    })
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(says)
  })
})

// printed.test.ts — What upstreams and workers wrote is in the answers of the API; no command hands it to the terminal
// as it is.
import { expect, it } from 'vitest'
import { startApi } from './testing/api-server.ts'
import { runKagami } from './testing/run-kagami.ts'
import { aPage, aReplica, aResource, aSummary, aSync, aWorker, secondsFromNow } from './testing/samples.ts'

const EVIL = '\x1b]0;OWNED\x07\x1b[2J\x1b[31mred\x9b2J\u202egnp.exe\rOVERWRITE'
/** Line feeds and tabs are what tables and logs are made of. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const last = {
  sync_id: 's-1',
  outcome: 'failed' as const,
  reason: 'unknown' as const,
  message: `message ${EVIL}`,
  hint: `hint ${EVIL}`,
  started_at: secondsFromNow(-70),
  ended_at: secondsFromNow(-60),
  duration_ms: 10_000,
  bytes: null,
}
const replica = aReplica({
  health: 'failed',
  failures: 1,
  worker_name: `worker ${EVIL}`,
  upstream: `rsync://host/${EVIL}`,
  revision: EVIL,
  paused: { by: EVIL, at: secondsFromNow(-60), reason: EVIL },
  last_sync: last,
  health_detail: `detail ${EVIL}`,
  hold: {
    hold_id: 'h',
    since: secondsFromNow(-9),
    reason: 'partial',
    removed: 1,
    total: 2,
    examples: [EVIL],
    rejected: false,
  },
})
const worker = aWorker({
  name: `worker ${EVIL}`,
  hostname: EVIL,
  version: EVIL,
  reason: EVIL,
  data_dir: `/srv/${EVIL}`,
  conflict: EVIL,
})
const sync = aSync({ worker_name: `worker ${EVIL}`, message: EVIL, hint: EVIL, tail: EVIL, outcome: 'failed' })
const api = await startApi({
  summary: () => aSummary({ causes: [cause()] }),
  listReplicas: () => aPage(replica),
  getReplica: () => replica,
  listWorkers: () => aPage(worker),
  getWorker: () => worker,
  listSyncs: () => aPage(sync),
  getSync: () => sync,
  listResources: () => aPage(aResource({ kinds: [EVIL] })),
  syncLog: () => ({
    text: `12:00:00 I ${EVIL}\n`,
    headers: new Headers({ 'x-log-next-offset': '9', 'x-log-size': '9', 'x-log-running': 'false' }),
  }),
})

function cause() {
  return {
    reason: 'unknown',
    message: EVIL,
    hint: EVIL,
    replicas: 1,
    since: null,
    workers: [EVIL],
    examples: [{ replica_id: 'r', name: 'n', worker_name: EVIL }],
    last: { replica_id: 'r', name: 'n', worker_name: EVIL, sync_id: 's-1', at: secondsFromNow(-60), line: EVIL },
  }
}

it.each([
  'status',
  'replicas',
  'replicas get debian',
  'workers',
  'workers get sh-12',
  'syncs',
  'resources',
  'logs s-1',
])('kagami %s shows it with escapes, and --json gives programs the same text', async (line) => {
  const people = await runKagami(line, api.env)
  expect(people.code).toBe(0)
  expect(people.stdout + people.stderr).not.toMatch(CONTROL)
  expect(people.stdout).toMatch(/\\x1b|fresh|debian/)
  const programs = await runKagami(`${line} --json`, api.env)
  expect(programs.stdout + programs.stderr).not.toMatch(CONTROL)
})

// locked-nats.test.ts — A locked NATS as an operator sets it up: init, token, enrol, approve, sync; each part restarted; a worker revoked; what must be refused is refused.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { readJoinToken, writeJoinToken } from '@kagami/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { aLockedNats, connectAs, stolenFrom, type LockedNats } from '../harness/locked.ts'
import { aPlace, NATS_VERSIONS } from '../harness/place.ts'
import { aSupervisor, kagami, startProgram, freePort, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.each(NATS_VERSIONS)('a locked NATS, on the %s nats-server', (version) => {
  const place = aPlace()
  let nats: LockedNats
  let supervisor: SupervisorProgram
  let upstream: string
  const workers: Record<string, Program> = {}

  const startSupervisor = async (port?: number) => {
    supervisor = await aSupervisor(place, { nats: nats.url, env: { KAGAMI_NATS_URL: '', SUPERVISOR_NATS_CREDENTIALS: nats.credentialsFile, SUPERVISOR_AUTO_APPROVE: 'false' }, ...(port ? { port } : {}) })
  }
  const token = async (...words: string[]) => {
    const made = await kagami(place, ['nats', 'token', '--api', supervisor.url, ...words])
    expect([made.code, made.stdout.split('\n').length]).toEqual([0, 2])
    return made.stdout.trim()
  }
  /** Same id: the same worker started again, with or without its token. */
  const startWorker = async (id: string, env: Record<string, string> = {}, dir = id) => {
    workers[dir] = startProgram(place, ['run', 'worker'], {
      KAGAMI_WORKER_ID: id, KAGAMI_NAME: id, KAGAMI_DATA_DIR: place.at(dir), KAGAMI_HTTP_ADDR: `127.0.0.1:${await freePort()}`, KAGAMI_GRACE_SECS: '1',
      KAGAMI_PROVIDERS: JSON.stringify([{ name: `often-${id}`, kind: 'http', upstream, interval_secs: 1 }]), ...env,
    })
    return workers[dir]
  }
  const shown = async (id: string) => (await supervisor.api.call('listWorkers')).items.find((one) => one.worker_id === id)
  const syncsOf = async (id: string) => (await supervisor.api.call('listSyncs', { query: { worker: id, state: 'finished', limit: 500 } })).total
  const goesOn = async (id: string, after: string) => {
    const before = await syncsOf(id)
    await until(`${id} reports syncs after ${after}`, async () => (await syncsOf(id)) > before + 1, { timeoutMs: 40_000, seen: () => workers[id]!.output().slice(-2000) + supervisor.output().slice(-1500) })
  }
  const says = (id: string, what: RegExp) => until(`${id} says ${what.source}`, () => what.test(workers[id]!.output()), { timeoutMs: 30_000, seen: () => workers[id]!.output().slice(-3000) + supervisor.output().slice(-1000) })

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'file'), 'x'.repeat(10_000))
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.also(() => files.stop())
    upstream = `${files.url}/file`
    nats = await aLockedNats(place, version)
    await startSupervisor()
  })

  test('init keeps its keys to their owner and never overwrites them', async () => {
    const before = readFileSync(nats.credentialsFile, 'utf8')
    for (const secret of ['supervisor.json', 'keys/operator.nk', 'keys/ca.key', 'server/server.key', 'server/nats-server.conf']) expect(statSync(place.at('locked', secret)).mode & 0o777).toBe(0o600)
    for (const dir of ['', 'keys', 'server']) expect(statSync(place.at('locked', dir)).mode & 0o777).toBe(0o700)
    const again = await kagami(place, ['nats', 'init', '--dir', place.at('locked')])
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('nothing was changed')])
    expect(readFileSync(nats.credentialsFile, 'utf8')).toBe(before)
  })

  test('a worker with a join token waits for approval, then has credentials of its own and syncs', async () => {
    await startWorker('one', { KAGAMI_JOIN_TOKEN: await token() })
    await until('it is pending', async () => (await shown('one'))?.admission === 'pending', { seen: () => workers['one']!.output() + supervisor.output() })
    expect((await shown('one'))?.presence).toBe('online')
    expect(JSON.parse(readFileSync(place.at('one', '.kagami', 'nats.json'), 'utf8'))).toMatchObject({ jwt: null })
    await supervisor.api.call('approve', { params: { id: 'one' } })
    await goesOn('one', 'approval')
    expect(statSync(place.at('one', '.kagami', 'nats.json')).mode & 0o777).toBe(0o600)
    expect(readFileSync(place.at('one', '.kagami', 'nats.json'), 'utf8')).not.toContain('secret')
    expect(workers['one']!.output()).not.toContain('Permissions Violation')
  }, 60_000)
})

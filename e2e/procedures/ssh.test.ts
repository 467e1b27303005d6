// ssh.test.ts — A mirror over ssh from the first mistake to the copy, by what its hints say; the key is in no file,
// log, answer or argument.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { commit, ensureRepository, startSshUpstream, type SshUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, runKagami, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('a mirror over ssh', () => {
  const place = createPlace()
  const elsewhere = createPlace()
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program & { http: string }
  let server: SshUpstream
  const start = () => startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
  const replica = async () => (await supervisor.api.call('listReplicas', { query: { name: 'secret' } })).items[0]
  const kagami = (...args: string[]) => runKagami(place, [...args, '--api', supervisor.url])
  const sync = async () => {
    const before = (await replica())?.last_sync?.sync_id
    await supervisor.api.call('syncResource', { params: { id: 'secret' } })
    return until('it has synced', async () => {
      const last = (await replica())?.last_sync
      return last && last.sync_id !== before && last
    })
  }

  beforeAll(async () => {
    await ensureRepository(elsewhere.at('secret.git'))
    await commit(elsewhere.at('secret.git'), { message: 'one', files: { a: 'a\n' } })
    server = await startSshUpstream({ dir: elsewhere.at('sshd') })
    place.onEnd(() => server.stop())
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await start()
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items.length === 1)
  })

  test('needs a key and a known host, says so, and is copied once it has both', async () => {
    const upstream = `${server.url}${elsewhere.at('secret.git')}`
    expect(await kagami('replicas', 'add', upstream, '--worker', 'w-1', '--name', 'secret')).toMatchObject({ code: 0 })
    await until('the worker has it', replica)
    expect(await sync()).toMatchObject({ reason: 'auth_rejected', hint: expect.stringContaining('--token-file KEY') })
    expect(await kagami('replicas', 'edit', 'secret@w-1', '--token-file', server.key)).toMatchObject({ code: 0 })
    const unknown = await sync()
    expect(unknown).toMatchObject({ reason: 'upstream_unreachable', outcome: 'failed' })
    const host = /kagami workers hosts add (\S+),/.exec(unknown.hint ?? '')?.[1] ?? ''
    const added = await runKagami(place, ['workers', 'hosts', 'add', host, '--yes', '--data-dir', place.at('data')])
    expect(added, added.stderr).toMatchObject({ code: 0 })
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(existsSync(place.at('data', 'secret', 'HEAD'))).toBe(true)
  })

  test('has its key in no file, output, answer or log', async () => {
    const [, , line = ''] = readFileSync(server.key, 'utf8').split('\n')
    const answers = await Promise.all(
      ['/api/v1/replicas', '/api/v1/workers', '/api/v1/syncs', '/api/v1/audit', '/resources', '/metrics'].map(
        async (path) => (await fetch(supervisor.url + path)).text(),
      ),
    )
    for (const text of [...answers, worker.output(), supervisor.output()]) expect(text).not.toContain(line)
    const files = readdirSync(place.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`)
    expect(files.filter((file) => readFileSync(file).includes(line))).toEqual([])
  })

  test('leaves no key behind when its worker was killed', async () => {
    await worker.kill()
    const left = place.at('data', '.kagami', 'ssh')
    mkdirSync(left, { recursive: true })
    writeFileSync(`${left}/left`, 'key')
    worker = await start()
    await until('it is gone', async () => !existsSync(`${left}/left`))
  })
})

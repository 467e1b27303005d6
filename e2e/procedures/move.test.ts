// move.test.ts — "Move a worker" of docs/operations.md, step by step, for every kind and both ways to publish.
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, followDocumented } from '../harness/documented.ts'
import { startMirrors, syncAll, type Mirrors } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the files of a worker', () => {
  const place = createPlace()
  let mirrors: Mirrors
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let old: Program
  let fresh: Program

  const names = () => mirrors.all.map(({ name }) => name)
  const providers = () =>
    mirrors.all.map(({ subject: _subject, ...provider }) => ({ ...provider, interval_secs: 86_400 }))
  const launch = (dir: string, env: Record<string, string>, declared: readonly object[]) =>
    startWorker(place, { nats: nats.url, dir, providers: declared, env })
  const expectWhole = (dir: string) => {
    for (const { name, subject } of mirrors.all)
      expect(mirrors.read(place.at(dir, name), subject), name).toBe(mirrors.expected(subject))
  }
  const syncsWell = async (worker: string) => {
    const ended = await syncAll(supervisor, worker, names())
    for (const [name, sync] of Object.entries(ended))
      expect(sync, `${name}: ${sync.message}`).toMatchObject({ outcome: 'success' })
    return ended
  }
  const api = () => ({ KAGAMI_API: supervisor.url })
  const follow = (line: string, to: Record<string, string>) => followDocumented(place, line, { to, env: api() })

  beforeAll(async () => {
    mirrors = await startMirrors(place)
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
  })

  test('are copied whole to a new machine, where the same worker goes on without fetching them again', async () => {
    const first = await launch('first', { KAGAMI_NAME: 'sh-old' }, providers())
    const { worker_id: id } = await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0])
    await syncsWell(id)
    await mirrors.change()
    await syncsWell(id)
    await first.kill('SIGTERM')
    await follow('rsync -aH /srv/mirrors/ new:/srv/mirrors/', {
      'new:/srv/mirrors/': `${place.at('old')}/`,
      ' /srv/mirrors/': ` ${place.at('first')}/`,
    })
    expectDocumented('`data_dir` may be another path. The id is in `.kagami`, so the supervisor sees the same worker.')
    old = await launch('old', { KAGAMI_NAME: 'sh-old' }, providers())
    for (const [name, { bytes }] of Object.entries(await syncsWell(id))) expect(bytes ?? 0, name).toBeLessThan(100_000)
    expect((await supervisor.api.call('listWorkers')).items.map((one) => one.worker_id)).toEqual([id])
    expectWhole('old')
  })

  test('move one replica at a time to another worker, which takes them over and fetches none of them', async () => {
    fresh = await launch('new', { KAGAMI_NAME: 'sh-new', KAGAMI_WORKER_ID: 'w-new' }, [])
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).total === 2)
    for (const { name } of mirrors.all) {
      await follow('kagami replicas pause NAME@OLD --reason "it moves"', { NAME: name, OLD: 'sh-old' })
      await follow('rsync -aH /srv/mirrors/NAME/ new:/srv/mirrors/NAME/', {
        'new:/srv/mirrors/NAME/': `${place.at('new', name)}/`,
        ' /srv/mirrors/NAME/': ` ${place.at('old', name)}/`,
      })
    }
    expectDocumented('3. Set `adopt_existing = true` on the new worker and restart it.')
    await fresh.kill('SIGTERM')
    const env = { KAGAMI_NAME: 'sh-new', KAGAMI_WORKER_ID: 'w-new' }
    fresh = await launch('new', { ...env, KAGAMI_ADOPT_EXISTING: 'true' }, [])
    for (const { name, kind, upstream, options } of mirrors.all) {
      const more = Object.entries(options).map(([key, value]) => ` --option ${key}=${value}`)
      await follow('kagami replicas add UPSTREAM --worker NEW --name NAME --kind KIND', {
        UPSTREAM: upstream,
        NEW: 'sh-new',
        NAME: name,
        KIND: `${kind}${more.join('')}`,
      })
    }
    for (const [name, { bytes }] of Object.entries(await syncsWell('w-new')))
      if (!name.startsWith('http-file')) expect(bytes ?? 0, name).toBeLessThan(100_000)
    await follow('kagami sync NAME@NEW --wait', { NAME: names()[0]!, NEW: 'sh-new' })
    expectWhole('new')
  })

  test('go on as mirrors of the new worker once adopt_existing is set back', async () => {
    expectDocumented('5. Set `adopt_existing` back, and restart it.')
    await fresh.kill('SIGTERM')
    fresh = await launch('new', { KAGAMI_NAME: 'sh-new', KAGAMI_WORKER_ID: 'w-new' }, [])
    await mirrors.change()
    await syncsWell('w-new')
    expectWhole('new')
    for (const { name, options } of mirrors.all)
      expect(lstatSync(place.at('new', name)).isSymbolicLink(), name).toBe(options['publish'] === 'swap')
  })

  test('stay on the old worker until they are deleted there', async () => {
    expectDocumented('or take it out of its worker.toml and restart it')
    await old.kill('SIGTERM')
    const config = place.at('worker.toml')
    writeFileSync(config, `data_dir = "${place.at('old')}"\nproviders = []\n`)
    old = await launch('old', { KAGAMI_NAME: 'sh-old' }, [])
    await until('its replicas are gone', async () => {
      const { items } = await supervisor.api.call('listReplicas', { query: { limit: 500 } })
      return items.every((one) => one.worker_id === 'w-new')
    })
    for (const { name } of mirrors.all) {
      expect(existsSync(place.at('old', name)), name).toBe(true)
      await follow('kagami folders remove NAME --config worker.toml', { NAME: name, 'worker.toml': `${config} --yes` })
      expect(existsSync(place.at('old', name)), name).toBe(false)
    }
  })

  test('are not fetched where only their link was copied, and the refusal says how to copy them', async () => {
    expectDocumented('The sync on the new worker is then refused with `local_conflict`, before anything is fetched.')
    const swapped = mirrors.all.filter(({ options }) => options['publish'] === 'swap')
    const env = { KAGAMI_NAME: 'sh-third', KAGAMI_WORKER_ID: 'w-third', KAGAMI_ADOPT_EXISTING: 'true' }
    mkdirSync(place.at('third'))
    for (const { name } of swapped) execFileSync('cp', ['-a', place.at('new', name), place.at('third', name)])
    const declared = swapped.map(({ subject: _subject, ...provider }) => ({ ...provider, interval_secs: 86_400 }))
    const third = await launch('third', env, declared)
    const ended = await syncAll(
      supervisor,
      'w-third',
      swapped.map(({ name }) => name),
    )
    for (const { name, subject } of swapped) {
      const link = place.at('third', name)
      const hint = `remove it, and copy the files: rsync -aH OLD/${name}/ ${link}/, with both slashes at the end`
      expect(ended[name], name).toMatchObject({ outcome: 'failed', reason: 'local_conflict', hint })
      expect(statSync(link, { throwIfNoEntry: false }), name).toBeUndefined()
      rmSync(link)
      execFileSync('rsync', ['-aH', `${place.at('new', name)}/`, `${link}/`])
      expect(mirrors.read(link, subject)).toBe(mirrors.expected(subject))
    }
    for (const [name, sync] of Object.entries(await syncAll(supervisor, 'w-third', Object.keys(ended))))
      expect(sync, `${name}: ${sync.message}`).toMatchObject({ outcome: 'success' })
    await third.kill('SIGTERM')
  })
})

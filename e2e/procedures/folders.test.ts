// folders.test.ts — "Find folders that no replica has" of docs/operations.md, for every kind and both ways to publish.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, followDocumented, runDocumented } from '../harness/documented.ts'
import { startMirrorFleet, type MirrorFleet } from '../harness/mirror-fleet.ts'
import { syncAll } from '../harness/mirrors.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

describe('the folders of replicas that were taken out of worker.toml', () => {
  const place = createPlace()
  let fleet: MirrorFleet
  const config = () => ({ 'worker.toml': place.at('worker.toml') })
  const listed = async () => (await fleet.supervisor.api.call('listFolders', { params: { id: 'w' } })).items
  const measured = () =>
    until(
      'all are listed and measured',
      async () => {
        const found = (await listed()).filter(({ name, bytes }) => fleet.names.includes(name) && bytes !== null)
        return found.length === fleet.names.length
      },
      { seen: listed },
    )

  beforeAll(async () => {
    writeFileSync(place.at('worker.toml'), `data_dir = "${place.at('data')}"\nproviders = []\n`)
    mkdirSync(place.at('data', 'foreign'), { recursive: true })
    fleet = await startMirrorFleet(place)
    await fleet.restart({ keys: () => null })
    await measured()
  })

  test('are listed with their upstream, by the supervisor and on the machine of the worker', async () => {
    const [afar, here] = [
      await fleet.follow('kagami folders --worker NAME', { NAME: 'sh-1' }),
      await followDocumented(place, 'kagami folders --config worker.toml', { to: config() }),
    ]
    for (const said of [afar, here]) {
      for (const { name, kind, upstream } of fleet.mirrors.all)
        expect(said).toMatch(new RegExp(`^${name} .*  ${kind} ${upstream}`, 'm'))
      expect(said).toMatch(/^foreign .*not known to Kagami/m)
    }
  })

  test('are gone on with once they are adopted, and nothing is fetched again', async () => {
    expectDocumented('That adds a replica of the same name, kind and upstream; options, labels and interval')
    for (const name of fleet.names)
      await fleet.follow('kagami folders adopt NAME --worker WORKER', { NAME: name, WORKER: 'sh-1 --yes' })
    await fleet.mirrors.change()
    for (const [name, one] of Object.entries(await syncAll(fleet.supervisor, 'w', fleet.names))) {
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
      // A file is fetched as a whole when it has changed, and git-lfs was an option.
      if (!name.startsWith('http-file')) expect(one.bytes ?? 0, name).toBeLessThan(100_000)
    }
    fleet.expectWhole()
    await until('none is listed', async () => (await listed()).every(({ name }) => name === 'foreign'))
  })

  test('are refused to be removed while they have a replica, and removed once they have none', async () => {
    const remove = 'kagami folders remove NAME --config worker.toml'
    const call = (name: string, more = ' --yes') => ({
      to: { NAME: name, 'worker.toml': `${place.at('worker.toml')}${more}` },
    })
    for (const name of fleet.names) {
      const { code, stderr } = await runDocumented(place, remove, call(name))
      expect([code, stderr]).toEqual([2, expect.stringContaining(`it is the folder of a replica called ${name}`)])
    }
    for (const { replica_id } of await fleet.replicas())
      await fleet.supervisor.api.call('dropReplica', { params: { id: replica_id } })
    await measured()
    for (const name of fleet.names) {
      // Where nobody can be asked, `--yes` has to be said.
      expect((await runDocumented(place, remove, call(name, ''))).code).toBe(2)
      expect(existsSync(place.at('data', name)), name).toBe(true)
      await followDocumented(place, remove, call(name))
      expect(existsSync(place.at('data', name)), name).toBe(false)
      expect(existsSync(place.at('data', '.generations', name)), name).toBe(false)
    }
    expect(existsSync(place.at('data', '.kagami', 'trash'))).toBe(false)
    expect(existsSync(place.at('data', 'foreign'))).toBe(true)
  })
})

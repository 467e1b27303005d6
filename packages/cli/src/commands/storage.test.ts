// storage.test.ts — kagami storage: disks, soonest full first, and what grows on one.
import { Refusal } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aFilesystem, aForecast, aPage } from '../testing/samples.ts'

const TIB = 1024 ** 4
const disks = [
  aFilesystem({ name: 'sh-12', workers_total: 3 }),
  aFilesystem({
    disk_id: 'w-2',
    name: 'bj-1',
    used_bytes: 0,
    used_share: 0,
    free_bytes: 4 * TIB,
    replicas_measured: 0,
    replicas_bytes: 0,
    forecast: aForecast({ verdict: 'not_growing', days: null, from_days: null, to_days: null, bytes_per_day: -2048 }),
  }),
  aFilesystem({
    disk_id: 'w-3',
    name: 'hk-3',
    growers: [],
    forecast: aForecast({
      verdict: 'not_enough_data',
      days: null,
      from_days: null,
      to_days: null,
      bytes_per_day: null,
      known_days: 3,
    }),
  }),
]
const api = await startApi({
  listStorage: ({ query }) => {
    if (query?.worker === 'nobody') throw new Refusal('not_found', 'there is no worker "nobody"')
    if (query?.worker === 'new') return aPage()
    const named = disks.filter(({ name }) => !query?.worker || name === query.worker)
    if (query?.limit === 2) return { items: named.slice(0, 2), next_cursor: 'next', total: 3 }
    return aPage(...named)
  },
})
const none = await startApi({ listStorage: () => aPage() })
const run = (line: string) => runKagami(line, api.env)

describe('kagami storage', () => {
  it('lists disks with their forecast, as the supervisor orders them', async () => {
    const { code, stdout, stderr } = await run('storage')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['DISK', 'USED', 'FREE', 'REPLICAS', 'FULL IN', 'A DAY', 'AS OF'],
      ['sh-12 +2', '76% of 4.0 TiB', '983 GiB', '2.0 TiB', '~23d (12–60)', '+42.0 GiB', '5s ago'],
      ['bj-1', '0% of 4.0 TiB', '4.0 TiB', '-', 'not growing', '-2.0 KiB', '5s ago'],
      ['hk-3', '76% of 4.0 TiB', '983 GiB', '2.0 TiB', 'not enough data yet (3 of 7d)', '-', '5s ago'],
      [''],
    ])
  })
  it('asks for pages that the supervisor allows, and says when the list goes on', async () => {
    await run('storage list --json')
    expect(api.asked.at(-1)?.query).toEqual({ limit: 100 })
    const { stderr } = await run('storage list --limit 2')
    expect(stderr).toBe('2 of 3 disks shown; --limit shows more\n')
  })
  it('get shows one disk, its workers and what grew most', async () => {
    const { stdout } = await run('storage get sh-12')
    expect(api.asked.at(-1)?.query).toEqual({ worker: 'sh-12' })
    expect(stdout).toMatch(/\nworkers {3}✓ online sh-12\n {10}\? silent sh-13\n {10}and 1 more\n/)
    expect(stdout).toMatch(/\nused {6}3\.0 TiB \/ 4\.0 TiB \(76%\)\n/)
    expect(stdout).toMatch(/\nreplicas {2}2\.0 TiB, 2 of 3 with a known size\n/)
    expect(stdout).toMatch(/\nfull in {3}~23d \(12–60\)\n/)
    const growers = stdout.split('\n\n')[1]!.split('\n')
    expect(growers.map((line) => line.split(/ {2,}/))).toEqual([
      ['REPLICA', 'GREW', 'SINCE', 'SIZE', 'QUOTA'],
      ['debian@sh-12', '+500 GiB', '14d ago', '1.5 TiB', '2.0 TiB'],
      ['arch@sh-13', 'not known', '-', '512 GiB', '-'],
      [''],
    ])
  })
  it('prints what the API says for programs', async () => {
    expect(JSON.parse((await run('storage --json')).stdout)).toEqual(disks)
    expect(JSON.parse((await run('storage get bj-1 --json')).stdout)).toEqual(disks[1])
  })
  it('says so when nothing was measured, or there is no such worker', async () => {
    const empty = await runKagami('storage', none.env)
    expect([empty.code, empty.stdout]).toEqual([0, ''])
    expect(empty.stderr).toBe('No worker has said yet how full its disk is: kagami workers\n')
    const unknown = await run('storage get nobody')
    expect([unknown.code, unknown.stderr.split('\n')[0]]).toEqual([3, expect.stringContaining('no worker "nobody"')])
    const unmeasured = await run('storage get new')
    expect(unmeasured.code).toBe(3)
    expect(unmeasured.stderr).toContain('error: new has not said yet how full its disk is, or is not approved\n')
  })
})

// feeds.test.ts — What programs read of the status of a real supervisor: formats, who may read them, incidents.
import { sampleState } from '@kagami/protocol/testing/samples'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace } from '../harness/place.ts'
import { HOSTILE_NAMES, SECRET, startStatusFleet, type StatusFleet } from '../harness/status-fleet.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

interface Listed {
  readonly name: string
  readonly [key: string]: unknown
}

const LISTS = ['tunasync.json', 'mirrorz.json', 'mirrors.json']
const FEEDS = [...LISTS, 'feed.atom', 'debian/badge.svg', 'debian/badge.txt']

describe('what programs read', () => {
  const place = createPlace()
  let fleet: StatusFleet
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${fleet.supervisor.url}/status/${path}`, { headers })
  const read = async (path: string) => await (await ask(path)).text()
  const json = async (path: string) => JSON.parse(await read(path)) as unknown

  beforeAll(async () => {
    fleet = await startStatusFleet(place, {
      SUPERVISOR_STATUS_TITLE: 'Mirrors & Co',
      SUPERVISOR_STATUS_FILES_URL: 'https://mirror.example.org/',
    })
  })

  test('of tunasync is a list of its jobs', async () => {
    const jobs = (await json('tunasync.json')) as Listed[]
    expect(jobs.map(({ name }) => name)).toEqual(
      ['debian', 'late', 'own-help', 'queued', 'stale', ...HOSTILE_NAMES].sort(),
    )
    const job = (name: string) => jobs.find((one) => one.name === name)!
    expect(job('debian')).toMatchObject({
      status: 'success',
      is_master: true,
      size: expect.stringMatching(/^4\d\d\.\d\dK$/),
    })
    expect(job('debian')['upstream']).toMatch(/^rsync:\/\/127\.0\.0\.1:\d+\/files\/$/)
    expect(job('debian')['last_update']).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/)
    expect(job('own-help')).toMatchObject({ status: 'none', last_update_ts: -62_135_596_800 })
    expect(job('queued')).toMatchObject({ status: 'pre-syncing' })
  })

  test('of mirrorz is its version 1.7', async () => {
    const { mirrors, ...site } = (await json('mirrorz.json')) as { mirrors: Record<string, string>[] }
    expect(site).toEqual({
      version: 1.7,
      site: { url: 'https://mirror.example.org', abbr: 'Mirrors & Co', name: 'Mirrors & Co' },
      info: [],
    })
    expect(mirrors).toHaveLength(13)
    for (const { status, url } of mirrors) {
      expect(status).toMatch(/^([A-Z](\d+)?)+$/)
      expect(status!.match(/[SDYFPCRU]/g)).toHaveLength(1)
      expect(url).toMatch(/^\/[^/]+$/)
    }
    expect(mirrors.find(({ cname }) => cname === 'debian')!['status']).toMatch(/^S\d{10}X\d{10}$/)
  })

  test('of our own says all that visitors are told', async () => {
    const { mirrors, ...around } = (await json('mirrors.json')) as { mirrors: Listed[] }
    expect(around).toEqual({ title: 'Mirrors & Co', checked_at: expect.any(String), total: 13, up_to_date: 2 })
    expect(mirrors.find(({ name }) => name === 'queued')).toEqual({
      name: 'queued',
      state: 'syncing',
      up_to_date: true,
      kinds: ['http'],
      copies: 1,
      last_success_at: expect.any(String),
      content_at: null,
      next_due_at: null,
      queue_position: 3,
      size_bytes: null,
      upstream: 'http://queued.example/f',
      url: 'https://mirror.example.org/queued/',
    })
  })

  test('of one mirror is a word', async () => {
    const words = await Promise.all(
      ['debian', 'late', 'stale', 'queued', 'own-help', 'style.css'].map((name) => read(`${name}/badge.txt`)),
    )
    expect(words).toEqual(['OK\n', 'LATE\n', 'STALE\n', 'OK\n', 'NEW\n', 'FAILED\n'])
    expect(await read('debian/badge.svg')).toContain('<title>debian: OK</title>')
    for (const path of ['nobody/badge.txt', `${SECRET}-rejected/badge.svg`]) expect((await ask(path)).status).toBe(404)
  })

  test.each(FEEDS)('%s may be read by pages of other sites, and is not sent again to who has it', async (path) => {
    const { headers, status } = await ask(path)
    expect(status).toBe(200)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    expect(headers.get('cache-control')).toBe('public, max-age=10, stale-if-error=86400')
    await until('the one we have is the present one', async () => {
      const etag = (await ask(path)).headers.get('etag')!
      return (await ask(path, { 'if-none-match': etag })).status === 304
    })
  })

  test('has nothing that is internal, and no markup of others', async () => {
    const badges = HOSTILE_NAMES.flatMap((name) =>
      ['svg', 'txt'].map((form) => `${encodeURIComponent(name)}/badge.${form}`),
    )
    for (const path of [...FEEDS, ...badges]) {
      const answer = await ask(path)
      expect([path, answer.status]).toEqual([path, 200])
      const text = await answer.text()
      expect(text.includes(SECRET), path).toBe(false)
      expect(text.includes(fleet.place.dir), path).toBe(false)
      if (/svg|atom/.test(path)) expect(text, path).not.toMatch(/<(?:script|img)/)
    }
  })

  test('has incidents when a mirror fails and when it is well again', async () => {
    const well = sampleState({
      name: 'fails & mends',
      status: 'success',
      last_success_at: new Date().toISOString(),
      interval_secs: 3600,
    })
    const worker = await startSpokenWorker(fleet.place, fleet.nats, { replicas: [well], about: { worker_id: 'w-2' } })
    const has = (part: string) =>
      until(`the feed has ${part}`, async () => (await read('feed.atom')).includes(part), {
        seen: () => read('feed.atom'),
      })
    // What is bad when it is first looked at is no incident.
    await until('it was seen well', async () => (await read('mirrors.json')).includes('"fails & mends","state":"ok"'))
    worker.say([{ ...well, status: 'failed', failures: 1 }])
    await has('<title>fails &amp; mends: Failed</title>')
    worker.say([well])
    await has('<title>fails &amp; mends: Up to date</title>')
    expect(await read('feed.atom?lang=zh-CN')).toContain('<title>fails &amp; mends: 失败</title>')
    const ids = [...(await read('feed.atom')).matchAll(/<id>(urn:uuid:[^<]+)<\/id>/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('a supervisor whose operator wants no status page', () => {
  const place = createPlace()

  test('has none', async () => {
    const fleet = await startStatusFleet(place, { SUPERVISOR_STATUS: 'false' })
    for (const path of ['', 'debian/', 'style.css', ...FEEDS])
      expect([path, (await fetch(`${fleet.supervisor.url}/status/${path}`)).status]).toEqual([path, 404])
  })
})

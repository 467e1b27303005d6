// large.test.ts — The status page of ten thousand mirrors.
import { request } from 'node:http'
import { sampleState } from '@kagami/protocol/testing/samples'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

const MIRRORS = 10_000
/** Limits of a page of 200 mirrors, bytes. */
const PLAIN_MAX = 200_000
const PACKED_MAX = 20_000

describe('the status page of ten thousand mirrors', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  const read = async (path: string) => await (await fetch(supervisor.url + path)).text()
  const namesIn = (text: string) => [...text.matchAll(/<bdi>([^<]*)<\/bdi>/g)].map(([, name]) => name)

  beforeAll(async () => {
    const { url } = await startNats(place)
    supervisor = await startSupervisor(place, { nats: url })
    const now = new Date().toISOString()
    const replicas = Array.from({ length: MIRRORS }, (_, index) =>
      sampleState({
        name: `mirror-${10_000 + index}`,
        interval_secs: 86_400,
        status: 'success',
        last_success_at: now,
        next_due_at: now,
        size_bytes: index,
      }),
    )
    await startSpokenWorker(place, url, { replicas, about: { worker_id: 'w' } })
    await until(
      'all are known',
      async () => (await supervisor.api.call('listResources', { query: { limit: 1 } })).total === MIRRORS,
    )
  })

  test('has pages of 200, which together list each mirror once', async () => {
    const names: unknown[] = []
    let path: string | undefined = '/status/'
    for (let pages = 0; path !== undefined; pages++) {
      expect(pages).toBeLessThan(50)
      const text = await read(path)
      expect(text).toContain('10,000 of 10,000 mirrors up to date')
      names.push(...namesIn(text))
      path = /<a rel="next" href="([^"]+)"/.exec(text)?.[1]
    }
    expect(names).toEqual(Array.from({ length: MIRRORS }, (_, index) => `mirror-${10_000 + index}`))
  })

  test('is small', async () => {
    const size = await new Promise<number>((resolve, reject) => {
      request(`${supervisor.url}/status/`, { headers: { 'accept-encoding': 'br' } }, (response) => {
        let bytes = 0
        response.on('data', (part: Buffer) => (bytes += part.length))
        response.on('end', () => resolve(bytes))
      })
        .on('error', reject)
        .end()
    })
    expect(size).toBeLessThan(PACKED_MAX)
    expect((await read('/status/')).length).toBeLessThan(PLAIN_MAX)
  })
})

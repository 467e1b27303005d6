// stream.test.ts — The live stream of a real fleet: what a watcher is sent, and how it continues.
import { writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the live stream', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    writeFileSync(place.at('file'), 'x'.repeat(1000))
    const upstream = await startHttpUpstream({ dir: place.at('.') })
    place.onEnd(() => upstream.stop())
    await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'quick', kind: 'http', upstream: `${upstream.url}/file` }],
    })
    await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 1)
  })

  test('sends each change, and continues after the last event that a watcher received', async () => {
    const read = async (headers: Record<string, string>, ...wanted: RegExp[]) => {
      const abort = new AbortController()
      const response = await fetch(`${supervisor.url}/api/v1/stream`, { headers, signal: abort.signal })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      let text = ''
      let asked = 'last-event-id' in headers
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString()
        if (wanted.every((part) => part.test(text))) break
        // When the stream is open, request one sync. Events from before may still arrive in between.
        if (!asked && text.startsWith('retry')) {
          asked = true
          void supervisor.api.call('syncResource', { params: { id: 'quick' } })
        }
      }
      abort.abort()
      return text
    }
    const first = await read(
      {},
      /event: replica\ndata: \{"replica":\{.*"name":"quick".*\n\n/,
      /event: sync\ndata: \{"sync":\{.*"name":"quick".*\n\n/,
    )
    // Of what changed more than once, the newest event is sent: each thing is named again.
    const eventsOf = (text: string) =>
      [...text.matchAll(/^id: (\S+)\nevent: (\w+)\ndata: (.*)$/gm)].map(([, id, type, data]) => ({
        id: id!,
        about: `${type!} ${/"(?:sync|replica|worker)_id":"([^"]+)"/.exec(data!)?.[1]}`,
      }))
    const [beginning, ...seen] = eventsOf(first)
    const again = await read({ 'last-event-id': beginning!.id }, new RegExp(`id: ${seen.at(-1)!.id}\n[^]*\n\n`))
    const abouts = seen.map(({ about }) => about).filter((about) => !about.startsWith('progress'))
    expect(eventsOf(again).map(({ about }) => about)).toEqual(expect.arrayContaining(abouts))
  })

  test('sends what is asked for, and refuses topics that there are not', async () => {
    const refused = await fetch(`${supervisor.url}/api/v1/stream?topics=workers,replica`)
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining('names replica, which is none'),
    ])
    const abort = new AbortController()
    const watch = async (topics: string, ...wanted: RegExp[]) => {
      const { body } = await fetch(`${supervisor.url}/api/v1/stream?topics=${topics}`, { signal: abort.signal })
      let text = ''
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString()
        if (wanted.every((part) => part.test(text))) break
      }
      return new Set([...text.matchAll(/^event: (\w+)$/gm)].map((match) => match[1]))
    }
    const [ofWorkers, ofMirror] = [
      watch('workers', /event: worker\n/),
      watch('mirror:quick', /event: replica\n/, /event: sync\n/),
    ]
    await until('both are open', async () =>
      (await (await fetch(`${supervisor.url}/metrics`)).text()).includes('watchers 2'),
    )
    await supervisor.api.call('syncResource', { params: { id: 'quick' } })
    expect([...(await ofWorkers)].filter((type) => !['connected', 'summary', 'worker'].includes(type!))).toEqual([])
    expect([...(await ofMirror)]).toEqual(expect.arrayContaining(['replica', 'sync']))
    expect(await ofMirror).not.toContain('worker')
    abort.abort()
  })
})

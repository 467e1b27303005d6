// open-nats.test.ts — What the supervisor still refuses on an open NATS, and what it logs about it.
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { EVENTS_STREAM, subjectFor } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { makeJoin, REPLIES } from '../harness/attacks.ts'
import { startNats, createPlace, NATS_VERSIONS } from '../harness/place.ts'
import { startSupervisor } from '../harness/programs.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

describe.each(NATS_VERSIONS)('on an open %s nats-server', (version) => {
  const place = createPlace()

  test('the supervisor answers only where clients wait for answers, and logs that workers are trusted', async () => {
    const server = await startNats(place, version)
    const supervisor = await startSupervisor(place, { nats: server.url })
    await until('it logs that NATS is open', () => supervisor.output().includes('NATS is open'), {
      seen: () => supervisor.output(),
    })
    const client = await connect({ servers: server.url })
    place.onEnd(() => client.close())
    const received: string[] = []
    client.subscribe('kagami.rpc.victim.cancel', { callback: (_, message) => void received.push(message.string()) })
    for (const reply of REPLIES.filter((one) => !one.startsWith('_INBOX.')))
      client.publish(subjectFor('join', 'thief'), JSON.stringify(makeJoin('thief')), { reply })
    await client.request(subjectFor('join', 'thief'), JSON.stringify(makeJoin('thief')), { timeout: PATIENCE_MS })
    const manager = await jetstreamManager(client)
    const stream = await until('there is a stream of reports', () => manager.streams.info(EVENTS_STREAM))
    expect(stream.state.messages).toBe(0)
    expect(received).toEqual([])
    await until('it logs what it refused', () => supervisor.output().includes('where no replies are sent'), {
      seen: () => supervisor.output(),
    })
    expect(
      (await supervisor.api.call('makeJoinToken', { body: {} }).catch((error: unknown) => error)) as Error,
    ).toMatchObject({ code: 'conflict' })
  })
})

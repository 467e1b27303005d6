// many-workers.ts — Many approved workers that only join, with replicas that were added by the API: what the supervisor
// wants of each is in its document. No assertions.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Kvm } from '@nats-io/kv'
import { DESIRED_BUCKET, subjectFor, type Client, type Desired } from '@kagami/protocol'
import { sampleJoin } from '@kagami/protocol/testing/samples'
import { newId } from '@kagami/runtime'
import type { Place } from './place.ts'
import { PATIENCE_MS } from './wait.ts'

export interface ManyWorkers {
  readonly connection: NatsConnection
  /** The document of each worker, by its id. */
  documents(): Promise<Map<string, Desired>>
}

/** Joins as `workers` workers, `w-0` and so on, and adds `replicas` replicas to each, `m-0` and so on. */
export async function startManyWorkers(
  place: Place,
  api: Client,
  { nats, workers, replicas }: { nats: string; workers: number; replicas: number },
): Promise<ManyWorkers> {
  const connection = await connect({ servers: nats })
  place.onEnd(() => connection.close())
  const ids = Array.from({ length: workers }, (_, index) => `w-${index}`)
  for (const id of ids) {
    const join = sampleJoin({ worker_id: id, name: id, instance: newId() })
    await connection.request(subjectFor('join', id), JSON.stringify(join), { timeout: PATIENCE_MS })
    for (let index = 0; index < replicas; index++)
      await api.call('addReplica', {
        params: { id },
        body: { name: `m-${index}`, kind: 'http', upstream: `http://127.0.0.1:1/${index}`, interval_secs: 0 },
      })
  }
  return {
    connection,
    async documents() {
      const bucket = await new Kvm(connection).open(DESIRED_BUCKET)
      const read = async (id: string): Promise<[string, Desired]> => [id, (await bucket.get(id))!.json<Desired>()]
      return new Map(await Promise.all(ids.map(read)))
    },
  }
}

// spoken-worker.ts — A worker that only speaks: it joins, and says again and again that it has these replicas. It can
// say what a real one never would.
import { connect } from '@nats-io/transport-node'
import { HEARTBEAT_SECONDS, subjectFor, type JoinReply, type ReplicaState, type Storage } from '@kagami/protocol'
import { sampleHeartbeat, sampleJoin } from '@kagami/protocol/testing/samples'
import { newId } from '@kagami/runtime'
import type { Place } from './place.ts'
import { PATIENCE_MS } from './wait.ts'

/** So many replicas of some hundred characters fit one message. */
const PART_REPLICAS = 400

/** What it says of itself when it joins. */
type About = Parameters<typeof sampleJoin>[0]

export interface SpokenWorker {
  /** Says that these are its replicas from now on, also after it has fallen silent. */
  say(replicas: readonly ReplicaState[]): void
  /** Says nothing more until it is told to. */
  fallSilent(): void
}

interface SpokenParts {
  readonly replicas: readonly ReplicaState[]
  readonly about: About & { worker_id: string }
  /** How full it says that its disk is. */
  readonly storage?: Storage | null
}

/** Joins, and speaks until the tests of the file end. */
export async function startSpokenWorker(
  place: Place,
  nats: string,
  { replicas: first, about, storage = null }: SpokenParts,
): Promise<SpokenWorker> {
  let replicas = first
  const connection = await connect({ servers: nats })
  const worker_id = about.worker_id
  const join = sampleJoin({ instance: newId(), ...about })
  const request = async () => {
    const answer = await connection.request(subjectFor('join', worker_id), JSON.stringify(join), {
      timeout: PATIENCE_MS,
    })
    return answer.json() as JoinReply
  }
  await request()
  let seq = 0
  const speak = () => {
    seq++
    const of = Math.max(1, Math.ceil(replicas.length / PART_REPLICAS))
    const { digest } = sampleHeartbeat({ replicas: [...replicas] })
    const doing = (activity: string) => replicas.filter((replica) => replica.activity === activity).length
    const jobs = { running: doing('syncing'), queued: doing('queued'), limit: 4 }
    for (let index = 0; index < of; index++) {
      const part = replicas.slice(index * PART_REPLICAS, (index + 1) * PART_REPLICAS)
      const beat = sampleHeartbeat({
        worker_id,
        instance: join.instance,
        seq,
        digest,
        part: { index, of },
        replicas: part,
        storage,
        jobs,
      })
      connection.publish(subjectFor('heartbeat', worker_id), JSON.stringify(beat))
    }
  }
  let timer: NodeJS.Timeout
  const goOn = () => {
    clearInterval(timer)
    speak()
    timer = setInterval(speak, (HEARTBEAT_SECONDS * 1000) / 2)
  }
  goOn()
  place.onEnd(async () => {
    clearInterval(timer)
    await connection.close()
  })
  return {
    say(changed) {
      replicas = changed
      goOn()
    },
    fallSilent: () => clearInterval(timer),
  }
}

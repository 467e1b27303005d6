// workerFacts.ts — What is told of each worker that may get a replica: free disk, path, what keeps it from that. Pure.
import { replicaNameKey, roomOf, upstreamProblem, type Replica, type Worker } from '@kagami/protocol'
import { bytes } from '../../format.ts'
import { t } from '../../locales/index.ts'

/** What is told of a worker. */
export interface WorkerFacts {
  readonly free: string
  /** Where the files would be; null: not known. */
  readonly path: string | null
  /** Why it cannot have this replica; null: it can. */
  readonly problem: string | null
  readonly warnings: readonly string[]
}

/** What the replica is to be, as far as it is typed. */
export interface Wanted {
  readonly name: string
  readonly kind: string
  readonly upstream: string
  readonly options: readonly string[]
  /** Replicas of this name, without regard to case. */
  readonly namesakes: readonly Replica[]
}

/** The facts of one worker. */
export function factsOf(worker: Worker, wanted: Wanted): WorkerFacts {
  const { storage } = worker
  const room = storage ? roomOf(storage) : null
  return {
    free: room === null ? t('add.freeUnknown') : t('add.free', { free: bytes(room) }),
    path: pathOn(worker, wanted.name),
    problem: problemOf(worker, wanted),
    warnings: [
      ...(worker.presence === 'online' ? [] : [t('add.away', { worker: worker.name })]),
      ...sizeWarning(room, wanted),
    ],
  }
}

/** Where a worker would keep a replica of this name; null: it has not said where. */
export function pathOn({ data_dir: folder }: Pick<Worker, 'data_dir'>, name: string): string | null {
  return folder && name !== '' ? `${folder.replace(/\/$/, '')}/${name}` : null
}

/** The size of the largest copy that there is, bytes; null: none is known. */
export function knownSize(namesakes: readonly Pick<Replica, 'size_bytes'>[]): number | null {
  const sizes = namesakes.flatMap(({ size_bytes: size }) => size ?? [])
  return sizes.length > 0 ? Math.max(...sizes) : null
}

function sizeWarning(room: number | null, { namesakes }: Wanted): string[] {
  const size = knownSize(namesakes)
  return room !== null && size !== null && size > room
    ? [t('add.tooLarge', { size: bytes(size), free: bytes(room) })]
    : []
}

function problemOf(worker: Worker, { name, kind, upstream, options, namesakes }: Wanted): string | null {
  const twin = namesakes.find(
    (replica) => replica.worker_id === worker.worker_id && replicaNameKey(replica.name) === replicaNameKey(name),
  )
  if (twin) return t('add.taken', { worker: worker.name, name: twin.name })
  if (kind === '' || worker.kinds.length === 0) return null
  const announced = worker.kinds.find((one) => one.kind === kind)
  if (!announced) return t('add.kindAbsent', { worker: worker.name })
  if (!announced.available) return t('add.kindMissing', { worker: worker.name, why: announced.detail })
  const wrong = upstream === '' ? null : upstreamProblem(kind, upstream, announced.roots)
  if (wrong) return `${t('add.upstream')}: ${wrong}`
  const { properties = {} } = (announced.options ?? {}) as { properties?: object }
  const unknown = options.find((key) => !Object.hasOwn(properties, key))
  return unknown === undefined ? null : t('add.optionUnknown', { worker: worker.name, option: unknown })
}

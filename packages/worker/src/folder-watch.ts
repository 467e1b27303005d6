// folder-watch.ts — When the running worker looks for folders without a replica: at its start, every hour, and when
// its replicas are others than before. It reads slowly, because mirrors need the disk more.
import { FOLDERS_MAX, type Folder, type Folders } from '@kagami/protocol'
import { every, pause, type Clock, type Logger } from '@kagami/runtime'
import type { Replica } from './core/replica.ts'
import type { WorkerState } from './core/worker.ts'
import { findStrangers, measureTrees, namesInTransit, type Size, type Stranger } from './tree/strangers.ts'

const LOOK_EVERY_MS = 3_600_000
/** A size is taken again after this time: nobody but people changes these folders. */
const MEASURE_EVERY_MS = 24 * 3_600_000
/** Measured sizes are sent at most this often. */
const TELL_EVERY_MS = 60_000
/** What all folders together may take in a heartbeat, bytes of JSON. */
const FOLDERS_BYTES = 24 * 1024

export interface FolderWatch {
  /** Null until it has looked. */
  readonly found: Folders | null
  /** Looks again, in the background. */
  look(): void
  /** These replicas have changed: looks again when there are new ones, or some have gone. */
  replicasChanged(changed: readonly Replica[], removed: readonly string[]): void
  stop(): void
}

export interface WatchParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly dataDir: string
  state(): WorkerState
  onFound(): void
}

interface Measured extends Size {
  readonly atMs: number
}

/** Looks at nothing before `look`. */
export function watchFolders(parts: WatchParts): FolderWatch {
  const stopped = new AbortController()
  const sizes = new Map<string, Measured>()
  let known: ReadonlySet<string> = new Set()
  let found: Folders | null = null
  let looking: AbortController | null = null
  const tell = (strangers: readonly Stranger[]) => {
    found = describeFolders(strangers, sizes, parts.clock.now())
    parts.onFound()
  }
  const look = (): void => {
    looking?.abort()
    const own = (looking = new AbortController())
    const signal = AbortSignal.any([own.signal, stopped.signal])
    known = new Set(parts.state().replicas.keys())
    lookOnce(parts, { sizes, signal, tell }).catch(
      (error: unknown) =>
        signal.aborted || parts.logger.warn({ err: error }, 'the folders without a replica cannot be listed'),
    )
  }
  const stop = every(parts.clock, LOOK_EVERY_MS, look)
  return {
    get found() {
      return found
    },
    look,
    replicasChanged(changed, removed) {
      if (removed.length > 0 || changed.some(({ spec }) => !known.has(spec.replica_id))) look()
    },
    stop() {
      stop()
      stopped.abort()
    },
  }
}

interface Look {
  readonly sizes: Map<string, Measured>
  readonly signal: AbortSignal
  tell(strangers: readonly Stranger[]): void
}

/** Tells what is there at once, and the sizes as they become known. */
async function lookOnce(parts: WatchParts, { sizes, signal, tell }: Look): Promise<void> {
  const { clock, dataDir } = parts
  const { replicas, declared, desired } = parts.state()
  const specs = [...[...replicas.values()].map(({ spec }) => spec), ...declared, ...(desired?.replicas ?? [])]
  const strangers = findStrangers(dataDir, new Set([...specs.map((spec) => spec.name), ...namesInTransit(dataDir)]))
  const names = new Set(strangers.map(({ name }) => name))
  for (const name of sizes.keys()) if (!names.has(name)) sizes.delete(name)
  tell(strangers)
  let toldMs = clock.monotonicMs()
  const old = strangers
    .slice(0, FOLDERS_MAX)
    .filter(({ name }) => clock.monotonicMs() - (sizes.get(name)?.atMs ?? -Infinity) > MEASURE_EVERY_MS)
  for (const [index, { name, roots }] of old.entries()) {
    sizes.set(name, { ...(await measureTrees(roots, slowly(signal))), atMs: clock.monotonicMs() })
    if (index < old.length - 1 && clock.monotonicMs() - toldMs < TELL_EVERY_MS) continue
    toldMs = clock.monotonicMs()
    tell(strangers)
  }
}

/** Rests three times as long as it worked: a quarter of one disk at most. */
function slowly(signal: AbortSignal): () => Promise<void> {
  let workedFrom = performance.now()
  return async () => {
    await pause(3 * (performance.now() - workedFrom), signal)
    signal.throwIfAborted()
    workedFrom = performance.now()
  }
}

/** The first folders by name, as many as fit. */
function describeFolders(strangers: readonly Stranger[], sizes: ReadonlyMap<string, Size>, now: Date): Folders {
  const items: Folder[] = []
  let room = FOLDERS_BYTES
  for (const { name, mirrored } of strangers.slice(0, FOLDERS_MAX)) {
    const { bytes, files } = sizes.get(name) ?? { bytes: null, files: null }
    const folder = { name, bytes, files, mirrored: mirrored && fits(mirrored) ? mirrored : null }
    room -= Buffer.byteLength(JSON.stringify(folder))
    if (room < 0) break
    items.push(folder)
  }
  return { items, total: strangers.length, looked_at: now.toISOString() }
}

/** Whether a mark, which people may have edited, has what a message can carry. */
function fits({ kind, upstream, replica_id }: NonNullable<Stranger['mirrored']>): boolean {
  return kind.length <= 64 && upstream.length <= 2048 && replica_id.length <= 128
}

// folder-watch.ts — When the running worker looks for folders without a replica: at its start, every hour, and when
// its replicas or the folders in data_dir are others than before. It reads slowly, because mirrors need the disk more.
import { lstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { FOLDERS_MAX, type Folder, type Folders } from '@kagami/protocol'
import { every, type Clock, type Logger } from '@kagami/runtime'
import type { Replica } from './core/replica.ts'
import type { WorkerState } from './core/worker.ts'
import { pathBytes } from './names.ts'
import { restingMost } from './leftovers/gently.ts'
import { findStrangers, measureTrees, namesInTransit, type Size, type Stranger } from './leftovers/strangers.ts'

const LOOK_EVERY_MS = 3_600_000
/** Whether something was added to data_dir, or taken away, is checked this often. */
const CHECK_EVERY_MS = 60_000
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
  /** Tells a folder from a later one of its name. */
  readonly key: string
  readonly atMs: number
}

/** Looks at nothing before `look`. */
export function watchFolders(parts: WatchParts): FolderWatch {
  const { clock, dataDir, logger } = parts
  const stopped = new AbortController()
  const watch: Watch = { parts, sizes: new Map(), strangers: [], found: null, measuring: false, signal: stopped.signal }
  let known: ReadonlySet<string> = new Set()
  let [looked, lookedMs] = ['', -Infinity]
  const look = (): void => {
    known = new Set(parts.state().replicas.keys())
    looked = changedAt(dataDir)
    lookedMs = clock.monotonicMs()
    try {
      list(watch)
    } catch (error) {
      return logger.warn({ err: error }, 'the folders without a replica cannot be listed')
    }
    measureAll(watch).catch(
      (error: unknown) =>
        stopped.signal.aborted || logger.warn({ err: error }, 'a folder without a replica could not be measured'),
    )
  }
  const stop = every(clock, CHECK_EVERY_MS, () => {
    if (clock.monotonicMs() - lookedMs >= LOOK_EVERY_MS || changedAt(dataDir) !== looked) look()
  })
  return {
    get found() {
      return watch.found
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

interface Watch {
  readonly parts: WatchParts
  readonly sizes: Map<string, Measured>
  readonly signal: AbortSignal
  strangers: readonly Stranger[]
  found: Folders | null
  measuring: boolean
}

/** When something was added to data_dir or taken away. */
function changedAt(dataDir: string): string {
  const at = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs
  return `${at(dataDir)} ${at(join(dataDir, '.generations'))}`
}

/** Tells what is there, with the sizes that are known. */
function list(watch: Watch): void {
  const { replicas, declared, desired } = watch.parts.state()
  const { dataDir } = watch.parts
  const specs = [...[...replicas.values()].map(({ spec }) => spec), ...declared, ...(desired?.replicas ?? [])]
  watch.strangers = findStrangers(dataDir, new Set([...specs.map((spec) => spec.name), ...namesInTransit(dataDir)]))
  const names = new Set(watch.strangers.map(({ name }) => name))
  for (const name of watch.sizes.keys()) if (!names.has(name)) watch.sizes.delete(name)
  tell(watch)
}

function tell(watch: Watch): void {
  watch.found = describeFolders(watch.strangers, watch.sizes, watch.parts.clock.now())
  watch.parts.onFound()
}

/** Measures one folder after the other until each size is known, and tells sizes now and then. One run at a time. */
async function measureAll(watch: Watch): Promise<void> {
  const { clock } = watch.parts
  if (watch.measuring) return
  watch.measuring = true
  let toldMs = clock.monotonicMs()
  try {
    for (let one = nextUnknown(watch); one !== null;) {
      const { name, roots } = one
      const key = keyOf(one)
      const size = await measureTrees(roots, restingMost(watch.signal))
      watch.sizes.set(name, { ...size, key, atMs: clock.monotonicMs() })
      one = nextUnknown(watch)
      if (one !== null && clock.monotonicMs() - toldMs < TELL_EVERY_MS) continue
      toldMs = clock.monotonicMs()
      tell(watch)
    }
  } finally {
    watch.measuring = false
  }
}

function nextUnknown({ parts, sizes, strangers }: Watch): Stranger | null {
  const isKnown = (stranger: Stranger) => {
    const size = sizes.get(stranger.name)
    return size?.key === keyOf(stranger) && parts.clock.monotonicMs() - size.atMs < MEASURE_EVERY_MS
  }
  return strangers.slice(0, FOLDERS_MAX).find((stranger) => !isKnown(stranger)) ?? null
}

function keyOf({ roots }: Stranger): string {
  return roots.map((root) => lstatSync(pathBytes(root), { throwIfNoEntry: false })?.ino).join(' ')
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

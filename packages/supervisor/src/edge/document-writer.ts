// document-writer.ts — Keeps the bucket equal to the database: writes each worker's desired document, and retries until
// the bucket has it.
import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { checkFor, Desired, parseUntrusted } from '@kagami/protocol'
import { pause, type Logger } from '@kagami/runtime'
import type { Documents } from '../services.ts'
import { hasClear, isClearText } from './sealing.ts'

const WRONG_LAST_SEQUENCE = 10_071
const RETRY_MS = 1000
/** Documents that are read or written at the same time. */
const PARALLEL = 32

/** Writes documents to the bucket that it is given. */
export interface DocumentWriter extends Documents {
  /** Sets the bucket to write to; null while there is none. */
  useBucket(bucket: KV | null): void
  /**
   * Writes the documents of these workers that the bucket does not have. `current` returns a worker's document at that
   * moment: it may change while the bucket is read.
   */
  reconcile(workerIds: readonly string[], current: (workerId: string) => Desired | null): Promise<void>
  stop(): void
}

/** What a writer needs. */
export interface WriterParts {
  readonly logger: Logger
  /** Called before each write. */
  readonly onSend: (document: Desired) => void
  /** Overwrites the bytes of an entry of the bucket, by its revision. */
  readonly erase: (revision: number) => Promise<void>
}

interface WriterState extends WriterParts {
  /** The newest document of each worker that is not in the bucket yet. */
  readonly waiting: Map<string, Desired>
  /** Revision of the newest document of each worker, in the bucket or not. */
  readonly lastRevs: Map<string, number>
  /** Last known revision of each key, for compare-and-set. */
  readonly revisions: Map<string, number>
  /** Workers whose documents have no credentials in clear. */
  readonly sealed: Set<string>
  bucket: KV | null
  stopped: boolean
}

/** Starts without a bucket: documents wait until there is one. */
export function createDocumentWriter(parts: WriterParts): DocumentWriter {
  const state: WriterState = {
    ...parts,
    waiting: new Map(),
    lastRevs: new Map(),
    revisions: new Map(),
    sealed: new Set(),
    bucket: null,
    stopped: false,
  }
  let writing = false
  const start = () => {
    if (writing) return
    writing = true
    void writeWaiting(state).finally(() => {
      writing = false
      // A document that was added after the last check would otherwise wait for the next one.
      if (state.waiting.size > 0 && state.bucket && !state.stopped) start()
    })
  }
  const write = (document: Desired) => {
    state.waiting.set(document.worker_id, document)
    state.lastRevs.set(document.worker_id, document.rev)
    start()
  }
  return {
    write,
    lastRev: (workerId) => state.lastRevs.get(workerId) ?? 0,
    useBucket(bucket) {
      state.bucket = bucket
      state.revisions.clear()
      start()
    },
    async reconcile(workerIds, current) {
      for (let start = 0; start < workerIds.length && state.bucket; start += PARALLEL) {
        await Promise.all(
          workerIds.slice(start, start + PARALLEL).map(async (workerId) => {
            const text = await readText(state, workerId)
            const document = current(workerId)
            // A document of a later term belongs to another supervisor.
            if (
              document &&
              text !== JSON.stringify(document) &&
              (text === null || versionOf(text).term <= document.term)
            )
              write(document)
          }),
        )
      }
    },
    get waiting() {
      return state.waiting.size
    },
    stop() {
      state.stopped = true
    },
  }
}

async function writeWaiting(state: WriterState): Promise<void> {
  while (state.waiting.size > 0 && state.bucket && !state.stopped) {
    const batch = [...state.waiting.values()].slice(0, PARALLEL)
    const outcomes = await Promise.allSettled(batch.map((document) => writeOne(state, document)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (!failed || outcomes.some((outcome) => outcome.status === 'fulfilled')) continue
    state.logger.debug({ reason: String(failed.reason) }, 'the bucket accepts no documents now; trying again')
    await pause(RETRY_MS)
  }
}

/** The text in the bucket for a worker; null when there is none. */
async function readText({ bucket, revisions, sealed }: WriterState, workerId: string): Promise<string | null> {
  const entry = await bucket!.get(workerId)
  if (entry) revisions.set(workerId, entry.revision)
  const text = entry?.operation === 'PUT' ? entry.string() : null
  if (text === null || !isClearText(text)) sealed.add(workerId)
  return text
}

async function writeOne(state: WriterState, document: Desired): Promise<void> {
  const { worker_id: id } = document
  const { waiting, revisions } = state
  state.onSend(document)
  try {
    const known = await eraseClear(state, document)
    const revision =
      known === undefined
        ? await state.bucket!.create(id, JSON.stringify(document))
        : await state.bucket!.update(id, JSON.stringify(document), known)
    revisions.set(id, revision)
    if (waiting.get(id) === document) waiting.delete(id)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== WRONG_LAST_SEQUENCE) throw error
    await resolveConflict(state, document)
    throw error
  }
}

/**
 * The revision that a document replaces. One that an early version wrote with credentials in clear is erased first, as
 * soon as the new one has them sealed.
 */
async function eraseClear(state: WriterState, document: Desired): Promise<number | undefined> {
  const { worker_id: id } = document
  const { bucket, revisions, sealed } = state
  if (sealed.has(id) || hasClear(document)) return revisions.get(id)
  const entry = await bucket!.get(id)
  if (entry?.operation === 'PUT' && isClearText(entry.string())) {
    await state.erase(entry.revision)
    revisions.delete(id)
  }
  sealed.add(id)
  return revisions.get(id)
}

/**
 * Somebody else wrote the key. A supervisor of a later term wins; anything else is overwritten at the next try, from
 * the revision that is read here.
 */
async function resolveConflict({ bucket, waiting, revisions, logger }: WriterState, document: Desired): Promise<void> {
  const { worker_id: id } = document
  const entry = await bucket!.get(id)
  const present = entry?.operation === 'PUT' ? parseOrNull(entry.string()) : null
  if (checkFor(Desired).ok(present) && present.term > document.term) {
    const next = waiting.get(id)
    if (next === document) {
      waiting.delete(id)
      logger.error(
        { worker_id: id, term: present.term },
        'another supervisor of a later term writes to this bucket; this one does not overwrite it',
      )
    } else if (entry && next && next.term >= present.term) {
      // This supervisor has started a later term meanwhile, so its waiting document may replace the one in the bucket.
      revisions.set(id, entry.revision)
    }
    return
  }
  if (entry) revisions.set(id, entry.revision)
  else revisions.delete(id)
}

/** Term and revision of every document in a bucket, by worker id; 0 where it cannot be read. */
export async function readVersions(bucket: KV): Promise<Map<string, Version>> {
  const keys: string[] = []
  for await (const key of await bucket.keys()) keys.push(key)
  const versions = new Map<string, Version>()
  for (let start = 0; start < keys.length; start += PARALLEL) {
    const entries = await Promise.all(keys.slice(start, start + PARALLEL).map((key) => bucket.get(key)))
    for (const entry of entries) if (entry?.operation === 'PUT') versions.set(entry.key, versionOf(entry.string()))
  }
  return versions
}

/** What a document counts: the supervisor's terms, and its own revisions. */
export interface Version {
  readonly term: number
  readonly rev: number
}

function versionOf(text: string): Version {
  const document = (parseOrNull(text) ?? {}) as { term?: unknown; rev?: unknown }
  const numberOf = (value: unknown) => (typeof value === 'number' && Number.isSafeInteger(value) ? value : 0)
  return { term: numberOf(document.term), rev: numberOf(document.rev) }
}

/** The value of a JSON text; null when it is not JSON: on an open NATS anybody may have written it. */
function parseOrNull(text: string): unknown {
  try {
    return parseUntrusted(text)
  } catch {
    return null
  }
}

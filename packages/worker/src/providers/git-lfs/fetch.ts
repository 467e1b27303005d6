// fetch.ts — Downloads LFS objects, a few at once, and puts each in place once it is whole and checked. Reports what is
// missing; decides nothing.
import { mkdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { requestBatch, BATCH_MAX, type LfsServer, type Offer } from './batch.ts'
import { foldersOf, objectPath, type LfsObject } from './store.ts'
import { networkFailure } from '../../http/errors.ts'
import { downloadFile } from '../../http/download.ts'
import { createMemory } from '../../http/memory.ts'
import type { FetchOptions } from '../../http/options.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'
import { moveAnywhere } from '../../names.ts'

const PARALLEL = 4
/** Objects with wrong bytes after which a server is given up. */
const WRONG_MAX = 10
/** Failures after which an object is requested once more: what the server gave for the download may have expired. */
const AGAIN = new Set(['auth_rejected', 'upstream_refused', 'stalled'])

export interface LfsDownload {
  readonly context: SyncContext
  readonly server: LfsServer
  readonly options: FetchOptions
  /** The repository the objects are stored in. */
  readonly store: string
  readonly objects: readonly LfsObject[]
}

export interface LfsResult {
  /** Received from the upstream. */
  bytes: number
  /** Bytes of the objects that were put in place. */
  storedBytes: number
  readonly missing: LfsObject[]
  /** Directories that changed, relative to the repository. */
  readonly folders: Set<string>
}

/**
 * An empty result. It is filled while objects arrive, so that a caller that catches a failure knows what came before.
 */
export function createResult(): LfsResult {
  return { bytes: 0, storedBytes: 0, missing: [], folders: new Set() }
}

/** Where partial downloads are kept. */
export const partsFolder = ({ tree }: SyncContext): string => join(tree.staging, 'lfs-parts')

/**
 * Downloads every object into the repository. Throws SyncFailure and network errors; objects with wrong bytes are
 * reported after all others have come.
 */
export async function fetchObjects(order: LfsDownload, result: LfsResult): Promise<void> {
  const { server, objects, context } = order
  const total = objects.reduce((sum, { size }) => sum + size, 0)
  const wrong: string[] = []
  const work: DownloadState = {
    ...order,
    result,
    wrong,
    reportProgress: () =>
      context.progress({
        phase: 'transferring',
        bytes: result.bytes,
        percent: total > 0 ? Math.min(100, Math.floor((result.bytes / total) * 100)) : null,
      }),
  }
  for (let from = 0; from < objects.length; from += BATCH_MAX) {
    const { offers, missing } = await requestBatch(server, objects.slice(from, from + BATCH_MAX))
    result.missing.push(...missing)
    await fetchInParallel(offers, work)
  }
  if (wrong.length > 0)
    throw new SyncFailure(
      'content_invalid',
      `${wrong.length} of ${objects.length} objects are not what their pointers say, and were not stored; the ` +
        `first: ${wrong[0]}`,
    )
}

interface DownloadState extends LfsDownload {
  readonly result: LfsResult
  /** Descriptions of objects that came whole and were wrong. */
  readonly wrong: string[]
  readonly reportProgress: () => void
}

/** A failure ends the other downloads too; their parts stay. */
async function fetchInParallel(offers: readonly Offer[], work: DownloadState): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([work.context.signal, stop.signal])
  const queue = [...offers]
  let failure: unknown = null
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let offer = queue.shift(); offer && failure === null; offer = queue.shift()) {
        try {
          await fetchOne(offer, work, signal)
        } catch (error) {
          failure ??= error
          stop.abort()
        }
      }
    }),
  )
  work.context.signal.throwIfAborted()
  if (failure !== null) throw failure
}

async function fetchOne(offer: Offer, work: DownloadState, signal: AbortSignal, again = false): Promise<void> {
  const { result, wrong, server } = work
  try {
    await download(offer, work, signal)
  } catch (error) {
    const failure = networkFailure(error)
    if (!(failure instanceof SyncFailure) || signal.aborted) throw error
    const cameWhole = failure === error
    if (failure.reason === 'upstream_missing') return void result.missing.push(offer.object)
    if (failure.reason === 'content_invalid' && cameWhole) {
      wrong.push(`${offer.object.oid}: ${failure.message}`)
      if (wrong.length >= WRONG_MAX)
        throw new SyncFailure(
          'content_invalid',
          `${wrong.length} objects are not what their pointers say, and were not stored; the first: ${wrong[0]}`,
        )
      return
    }
    if (again || (cameWhole && !AGAIN.has(failure.reason))) throw failure
    const { offers, missing } = await requestBatch({ ...server, context: { ...server.context, signal } }, [
      offer.object,
    ])
    result.missing.push(...missing)
    for (const fresh of offers) await fetchOne(fresh, work, signal, true)
  }
}

async function download(
  { object, url, headers, authenticated }: Offer,
  work: DownloadState,
  signal: AbortSignal,
): Promise<void> {
  const { context, server, options, store, result, reportProgress: tell } = work
  const folder = join(partsFolder(context), object.oid)
  await mkdir(folder, { recursive: true })
  const carriesOwn = authenticated || headers['authorization'] !== undefined
  let seen = 0
  const moved = (received: number) => {
    result.bytes += received - seen
    seen = received
    tell()
  }
  const fetched = await downloadFile({
    context: { ...server.context, auth: carriesOwn ? null : server.context.auth, signal },
    options,
    url,
    home: server.home,
    ownHeaders: headers,
    identity: object.oid,
    discreet: true,
    file: object.oid,
    memory: createMemory(folder),
    known: null,
    digests: [{ algorithm: 'sha256', hex: object.oid, from: 'its pointer' }],
    size: object.size,
    // Whatever the bytes look like, their checksum decides.
    pageExpected: () => true,
    admit: () => {},
    onBytes: moved,
  })
  if (!fetched) return
  moved(fetched.received)
  await context.tree.flush(folder, ['download.part'])
  const path = join(store, objectPath(object))
  mkdirSync(dirname(path), { recursive: true })
  await moveAnywhere(fetched.part, path)
  await rm(folder, { recursive: true, force: true })
  result.storedBytes += object.size
  for (const changed of foldersOf(object)) result.folders.add(changed)
}

// trust.ts — Whether what a server's listings say about sizes and times is true. A listing is believed only after a
// file agreed with it, and for the whole run no more once one did not.
import type { Entry } from '../../listings/listing.ts'
import { sendRequest } from '../../http/request.ts'
import { showName } from '../../names.ts'
import type { FileRun } from './file.ts'
import type { Root } from './folder.ts'
import type { RemoteFile } from './plan.ts'
import type { KnownFile, KnownListing } from './tree-memory.ts'
import type { TreeListing } from './walk.ts'

/** Files that are looked at to find one that shows whether the listing is right. */
const PROBES_MAX = 1000
/** Time zones differ by multiples of this, ms: listings may be in local time. */
const ZONE_MS = 900_000

/** What a response says about a file. */
export interface Facts {
  readonly size: number | null
  /** The header Last-Modified; empty when there is none. */
  readonly modified: string
}

export interface Trust {
  /** Whether listings are believed now. */
  believes(): boolean
  /** Compares a file with its line in the listing. */
  compare(remote: RemoteFile, facts: Facts): void
  /** Why they are not believed; null while no file disagreed. */
  disagreement(): string | null
  /** Whether the next run may believe them: a file agreed, now or earlier, and none disagreed in this run. */
  verdict(): boolean
}

/** Trust in the listings of one run; `agreed`: an earlier run or a first file agreed with them. */
export function createTrust(agreed: boolean): Trust {
  let wrong: string | null = null
  let confirmed = agreed
  return {
    believes: () => agreed && wrong === null,
    compare(remote, facts) {
      wrong ??= contradiction(remote, facts)
      confirmed ||= confirms(remote, facts)
    },
    disagreement: () => wrong,
    verdict: () => confirmed && wrong === null,
  }
}

/** Whether a file shows that its listing is right: what the listing gives exactly, the response gives too. */
export function confirms(remote: RemoteFile, facts: Facts): boolean {
  const sized = remote.exact && facts.size !== null
  const timed = remote.time !== null && facts.modified !== ''
  return (sized || timed) && (!remote.exact || sized) && contradiction(remote, facts) === null
}

export interface TrustParts {
  readonly listed: Pick<TreeListing, 'files'>
  readonly before: KnownListing
  /** What earlier runs downloaded. */
  readonly found: Readonly<Record<'known' | 'fetched', ReadonlyMap<string, KnownFile>>>
  readonly first: boolean
}

/** What earlier runs found, or one file shows now. A first copy downloads everything, and shows it afterwards. */
export async function isListingTrusted(
  run: FileRun,
  root: Root,
  { listed, before, found, first }: TrustParts,
): Promise<boolean> {
  const { format } = root.listing
  if (format === null) return false
  if (before.format === format) return before.trusted
  return checkDownloaded(found, listed) ?? (!first && (await probeListing(run, root, listed)))
}

/** Whether the listing agrees with what was downloaded when it said the same; null when nothing was. */
function checkDownloaded({ known, fetched }: TrustParts['found'], { files }: TrustParts['listed']): boolean | null {
  const trust = createTrust(false)
  let seen = 0
  for (const [path, { size, modified, stamp }] of [...fetched, ...known]) {
    const file = files.get(path)
    if (file?.stamp !== stamp) continue
    trust.compare(file, { size, modified })
    seen++
  }
  return seen === 0 ? null : trust.verdict()
}

/** Whether the head of one file agrees with what the listing says about it. */
async function probeListing(
  { context, options, url }: FileRun,
  { base }: Root,
  { files }: TrustParts['listed'],
): Promise<boolean> {
  let chosen: RemoteFile | null = null
  let seen = 0
  for (const file of files.values()) {
    if (++seen > PROBES_MAX) break
    if (file.time === null && !file.exact) continue
    const better = chosen === null || (file.exact && (!chosen.exact || (file.size ?? 0) < (chosen.size ?? 0)))
    if (better) chosen = file
  }
  if (chosen === null || options.compare === 'ask') return false
  try {
    const at = new URL(chosen.request, base)
    const { response } = await sendRequest({ context, options, url: at, headers: {}, home: url.origin })
    response.close()
    return response.status === 200 && confirms(chosen, factsOf(response.headers))
  } catch {
    context.signal.throwIfAborted()
    return false
  }
}

/** How a file and its line in the listing contradict each other; null when they do not. */
function contradiction({ path, exact, size, time, grain }: RemoteFile, facts: Facts): string | null {
  if (exact && facts.size !== null && facts.size !== size)
    return `${showName(path)} has ${facts.size} bytes, the listing says ${size}`
  const modified = Date.parse(facts.modified)
  if (time === null || Number.isNaN(modified)) return null
  const apart = (((modified - time) % ZONE_MS) + ZONE_MS) % ZONE_MS
  // A listing cuts off what is below its resolution, and some round it.
  return apart < grain || ZONE_MS - apart <= grain
    ? null
    : `${showName(path)} is of ${new Date(modified).toISOString()}, the listing says ${new Date(time).toISOString()}`
}

/** What the headers of a response say. */
export function factsOf(headers: Readonly<Record<string, string>>): Facts {
  const length = headers['content-length']
  return { size: length === undefined ? null : Number(length), modified: headers['last-modified'] ?? '' }
}

/** An entry whose size is a guess, and whose time is not known. */
export function withoutFacts<T extends Entry>(entry: T): T {
  return { ...entry, exact: false, time: null }
}

// trust.ts — Whether what a server's listings say about sizes and times is true. A listing is believed only after a
// file agreed with it, and for the whole run no more once one did not.
import type { Entry } from '../../listings/listing.ts'
import { showName } from '../../names.ts'
import type { RemoteFile } from './plan.ts'

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
}

/** Trust in the listings of one run; `agreed`: an earlier run or a first file agreed with them. */
export function createTrust(agreed: boolean): Trust {
  let wrong: string | null = null
  return {
    believes: () => agreed && wrong === null,
    compare(remote, facts) {
      wrong ??= contradiction(remote, facts)
    },
    disagreement: () => wrong,
  }
}

/** Whether a file shows that its listing is right: what the listing gives exactly, the response gives too. */
export function confirms(remote: RemoteFile, facts: Facts): boolean {
  const sized = remote.exact && facts.size !== null
  const timed = remote.time !== null && facts.modified !== ''
  return (sized || timed) && (!remote.exact || sized) && contradiction(remote, facts) === null
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

/** An entry without what its listing says about size and time. */
export function withoutFacts<T extends Entry>(entry: T): T {
  return { ...entry, size: null, exact: false, time: null }
}

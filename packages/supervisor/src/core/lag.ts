// lag.ts — Whether a database knows less than the fleet has seen, as after a restore from a backup. Pure.

/** What is compared when a supervisor starts. */
export interface Seen {
  /** Of this start of the supervisor; in the database. */
  readonly term: number
  /** Revision of each worker's record in the database, by worker id. */
  readonly records: ReadonlyMap<string, number>
  /** What is in the bucket, by worker id. */
  readonly documents: ReadonlyMap<string, { readonly term: number; readonly rev: number }>
  /** Up to which sequence the reports of the stream were confirmed as stored. */
  readonly confirmed: number
  /** Up to which sequence they are gone from the stream, for their age or its size. */
  readonly gone: number
  /** Up to which sequence the database has them; null when it is of a version that did not note it. */
  readonly stored: number | null
}

/** How far a database lags behind. */
export interface Lag {
  /** The term that the next must exceed; null when ours does. */
  readonly term: number | null
  /** The revisions that records must have at least, by worker id: above those of the documents in the bucket. */
  readonly revisions: ReadonlyMap<string, number>
  /** Whether reports must be read again. */
  readonly reports: boolean
  /** Whether the database was restored or made anew. */
  readonly restored: boolean
  /** In what it lags, for the log. */
  readonly because: readonly string[]
}

/**
 * Compares. Each of the three may lag alone: a start of the supervisor raises the term above that of a backup, and a
 * night in which nobody decided anything changes no document.
 */
export function findLag({ term, records, documents, confirmed, gone, stored }: Seen): Lag {
  const highest = Math.max(0, ...[...documents.values()].map((document) => document.term))
  const revisions = new Map<string, number>()
  for (const [workerId, { rev }] of documents) {
    const known = records.get(workerId)
    if (known !== undefined && known < rev) revisions.set(workerId, rev + 1)
  }
  const lagging = {
    term: highest >= term,
    documents: revisions.size > 0,
    reports: stored !== null && confirmed > Math.max(stored, gone),
  }
  const because = [
    lagging.term ? `documents of term ${highest}` : '',
    lagging.documents ? `later revisions of ${revisions.size} documents` : '',
    lagging.reports ? `reports confirmed up to number ${confirmed}, of which it has ${stored}` : '',
  ].filter(Boolean)
  return {
    term: lagging.term ? highest : null,
    revisions,
    reports: because.length > 0 || (stored === null && confirmed > gone),
    restored: because.length > 0,
    because,
  }
}

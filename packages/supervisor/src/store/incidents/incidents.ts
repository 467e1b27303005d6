// incidents.ts — What is stored of mirrors that failed, became stale, or were well again. Types only.

/** A mirror became bad, or is well again (`ok`). */
export interface Incident {
  /** A UUID, the same for ever. */
  readonly id: string
  readonly name: string
  readonly state: 'failed' | 'stale' | 'ok'
  /** When the supervisor saw it; it may have begun or ended before. */
  readonly seenAt: Date
}

/** The states of mirrors that are bad, by name. */
export type BadMirrors = ReadonlyMap<string, 'failed' | 'stale'>

/** What is stored. */
export interface StoredIncidents {
  /** The newest first. */
  readonly all: readonly Incident[]
  /** Of the last survey that was stored. */
  readonly bad: BadMirrors
  /** When the first survey was stored; null: none was. */
  readonly since: Date | null
}

/** What a survey adds to what is stored. */
export interface IncidentChanges {
  /** The newest first. */
  readonly seen: readonly Incident[]
  /** Mirrors that became bad, or bad otherwise. */
  readonly bad: BadMirrors
  /** Names of mirrors that no longer are. */
  readonly notBad: readonly string[]
  /** When the first survey was taken, to be stored once. */
  readonly since: Date
}

/** The part of the database for incidents. */
export interface IncidentStore {
  loadIncidents(): Promise<StoredIncidents>
  /** Saves all of it in one transaction, and keeps the newest `max` incidents. */
  saveIncidents(changes: IncidentChanges, max: number): Promise<void>
}

// state.ts — What a worker keeps in data_dir/.kagami: its id, the last desired document, each replica's record. Only
// sync/ and tree/ write there besides.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkFor, Desired, WORKER_ID_PATTERN, type SyncReport } from '@kagami/protocol'
import {
  ConfigError,
  newId,
  openSealingKey,
  readIfThere,
  readJsonIfThere,
  removeDurably,
  writeDurably,
  type SealingKey,
} from '@kagami/runtime'
import { learn, noFacts } from './core/facts.ts'
import type { Life, Remembered, Replica } from './core/replica.ts'

export interface WorkerFiles {
  readonly directory: string
  readonly spoolDirectory: string
  /** The key that opens credentials; created at first use. Throws when its file holds something else. */
  sealingKey(): Promise<SealingKey>
  /** The worker's id: configured, or created once and kept. */
  workerId(configured: string | null): string
  readDesired(): Desired | null
  saveDesired(desired: Desired): void
  /** Keeps the names that worker.toml declares, for programs that look at data_dir beside the worker. */
  saveDeclared(names: readonly string[]): void
  /** Those of the last start; null when there was none yet. */
  readDeclared(): string[] | null
  readReplicas(): Map<string, Remembered>
  saveReplica(replica: Replica): void
  /** Keeps what is known of a replica under its new id. */
  renameReplica(replicaId: string, newId: string): void
  removeReplica(replicaId: string): void
}

interface Record {
  life: Life
  facts: Omit<Remembered['facts'], 'nextDueAt'> & { nextDueAt: string | null }
  again: Remembered['again']
  taken: string[]
}

/** Opens the worker's own directory inside its data directory. */
export function openWorkerFiles(dataDir: string): WorkerFiles {
  const directory = join(dataDir, '.kagami')
  const replicas = join(directory, 'replicas')
  mkdirSync(replicas, { recursive: true, mode: 0o700 })
  return {
    directory,
    spoolDirectory: join(directory, 'spool'),
    sealingKey: () => openSealingKey(join(directory, 'credentials.key')),
    workerId: (configured) => stableId(directory, configured),
    readDesired() {
      const kept = readJsonIfThere(join(directory, 'desired.json'))
      return checkFor(Desired).ok(kept) ? kept : null
    },
    saveDesired: (desired) => writeDurably(join(directory, 'desired.json'), JSON.stringify(desired)),
    saveDeclared: (names) => writeDurably(join(directory, 'declared.json'), JSON.stringify(names)),
    readDeclared() {
      const kept = readJsonIfThere(join(directory, 'declared.json'))
      return Array.isArray(kept) ? kept.filter((name) => typeof name === 'string') : null
    },
    readReplicas() {
      const found = new Map<string, Remembered>()
      for (const file of readdirSync(replicas).filter((name) => name.endsWith('.json'))) {
        const kept = readJsonIfThere(join(replicas, file)) as Record | null
        if (kept?.facts && kept.life) found.set(decodeURIComponent(file.slice(0, -'.json'.length)), revive(kept))
      }
      return found
    },
    saveReplica({ spec, life, facts, again, taken }) {
      writeDurably(
        join(replicas, `${encodeURIComponent(spec.replica_id)}.json`),
        JSON.stringify({ life, facts, again, taken }),
      )
    },
    renameReplica(replicaId, newId) {
      const [from, to] = [replicaId, newId].map((id) => join(replicas, `${encodeURIComponent(id)}.json`))
      const text = readIfThere(from!)
      if (text === null) return
      writeDurably(to!, text)
      removeDurably(from!)
    },
    removeReplica: (replicaId) => removeDurably(join(replicas, `${encodeURIComponent(replicaId)}.json`)),
  }
}

function stableId(directory: string, configured: string | null): string {
  const path = join(directory, 'worker-id')
  const kept = readIfThere(path)?.trim() ?? null
  if (configured) {
    if (kept !== configured) writeDurably(path, `${configured}\n`)
    return configured
  }
  if (kept && new RegExp(WORKER_ID_PATTERN).test(kept)) return kept
  if (kept)
    throw new ConfigError(
      `${path} holds "${kept.slice(0, 80)}", which is no worker id`,
      'Set worker_id in worker.toml, or remove the file to get a new id (the supervisor will see a new worker).',
    )
  const id = newId()
  writeDurably(path, `${id}\n`)
  return id
}

function revive(record: Record): Remembered {
  const { life } = record
  const dated: Life =
    life.state === 'queued'
      ? { ...life, since: new Date(life.since) }
      : life.state === 'syncing'
        ? { ...life, startedAt: new Date(life.startedAt) }
        : life
  return {
    life: dated,
    facts: { ...noFacts, ...record.facts, nextDueAt: record.facts.nextDueAt ? new Date(record.facts.nextDueAt) : null },
    again: record.again,
    taken: record.taken ?? [],
  }
}

/** The report of a sync that was running when the worker ended, unless its own report is already in the spool. */
export function interruptedReport(
  spec: Replica['spec'],
  workerId: string,
  before: Remembered,
  now: Date,
): SyncReport | null {
  if (before.life.state !== 'syncing') return null
  const startedAt = new Date(before.life.startedAt)
  return {
    sync_id: before.life.syncId,
    worker_id: workerId,
    replica_id: spec.replica_id,
    name: spec.name,
    kind: spec.kind,
    trigger: before.life.trigger,
    request_id: before.life.requestId,
    outcome: 'interrupted',
    reason: 'interrupted',
    message: 'the worker stopped while the sync ran',
    hint: 'Nothing to do: it is done again.',
    tail: null,
    exit_code: null,
    started_at: startedAt.toISOString(),
    ended_at: now.toISOString(),
    duration_ms: Math.max(0, now.getTime() - startedAt.getTime()),
    bytes: null,
    files: null,
    size_bytes: null,
    revision: null,
  }
}

/**
 * What is remembered after a report found in the spool is taken into account: a crash may have come between the two
 * writes.
 */
export function withReport(spec: Replica['spec'], before: Remembered, report: SyncReport): Remembered {
  return { ...before, life: { state: 'idle' }, facts: learn({ spec, facts: before.facts }, report) }
}

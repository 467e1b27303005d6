// state.ts — What a worker keeps in data_dir/.kagami: its id, the last desired document, each replica's record. Only
// sync/ and tree/ write there besides.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  Desired,
  Hold,
  Instant,
  Kept,
  KeptFiles,
  Nullable,
  ReplicaState,
  Trigger,
  type SyncReport,
} from '@kagami/protocol'
import {
  openSealingKey,
  openStateFile,
  sealedJson,
  setAside,
  type Damage,
  type SealingKey,
  type StateFile,
} from '@kagami/runtime'
import Type, { type Static } from 'typebox'
import { learn, noFacts } from './core/facts.ts'
import type { Life, Remembered, Replica, Task as ReplicaTask } from './core/replica.ts'
import { identityOf, type Identity } from './identity.ts'

export interface WorkerFiles {
  readonly directory: string
  readonly spoolDirectory: string
  /** The key that opens credentials; created at first use. Throws when its file holds something else. */
  sealingKey(): Promise<SealingKey>
  /** The worker's id: configured, or created once. Throws ConfigError when it would have to be guessed. */
  identity(configured: string | null): Identity
  readDesired(): Desired | null
  /** Whether the document was there, and nothing is left of it. */
  lostDesired(): boolean
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

const Number = Type.Optional(Nullable(Type.Number()))
const Task = Type.Union([
  Type.Object({
    type: Type.Literal('sync'),
    approved: Nullable(Type.Number()),
    thorough: Type.Optional(Type.Boolean()),
  }),
  Type.Object({ type: Type.Literal('rollback'), to: Nullable(Type.Number()), from: Number }),
  Type.Object({ type: Type.Literal('restore'), id: Type.String() }),
])
const Run = { trigger: Trigger, requestId: Nullable(Type.String()), task: Type.Optional(Task) }

/** A replica's record. Earlier versions knew fewer facts. */
const Record = Type.Object({
  life: Type.Union([
    Type.Object({ state: Type.Literal('idle') }),
    Type.Object({ state: Type.Literal('queued'), since: Instant, ...Run }),
    Type.Object({ state: Type.Literal('syncing'), syncId: Type.String(), startedAt: Instant, ...Run }),
  ]),
  facts: Type.Object({
    lastSync: Type.Optional(ReplicaState.properties.last_sync),
    lastSuccessAt: Type.Optional(Nullable(Instant)),
    nextDueAt: Type.Optional(Nullable(Instant)),
    failures: Type.Optional(Type.Integer({ minimum: 0 })),
    failingSince: Type.Optional(Nullable(Instant)),
    sizeBytes: Number,
    files: Number,
    revision: Type.Optional(Nullable(Type.String())),
    hold: Type.Optional(Nullable(Hold)),
    contentAt: Type.Optional(Nullable(Type.String())),
    generation: Number,
    kept: Type.Optional(Nullable(Kept)),
    keptFiles: Type.Optional(Nullable(KeptFiles)),
  }),
  again: Type.Optional(Nullable(Type.Object({ requestId: Type.String(), task: Task }))),
  taken: Type.Optional(Type.Array(Type.String())),
})
type Record = Static<typeof Record>

/** The names that worker.toml declares. Earlier versions wrote them as a list alone. */
const Declared = Type.Object({ names: Type.Array(Type.String()) })
const declaredForm = {
  write: sealedJson(Declared).write,
  read: (text: string) => sealedJson(Declared).read(text.trim().startsWith('[') ? `{"names":${text}}` : text),
}

const AFRESH = 'the replica goes on without its record: it counts as never synced until its next sync'

/**
 * Opens the worker's own directory inside its data directory. Without `onDamage` what is damaged is refused, and
 * nothing is touched.
 */
export function openWorkerFiles(dataDir: string, onDamage?: (damage: Damage) => void): WorkerFiles {
  const directory = join(dataDir, '.kagami')
  const replicas = join(directory, 'replicas')
  makeFolder(replicas, onDamage)
  const older = new Set<string>()
  const recordOf = (id: string) =>
    openStateFile({
      path: join(replicas, `${encodeURIComponent(id)}.json`),
      form: sealedJson(Record),
      onDamage: onDamage && ((damage) => (older.add(damage.path), onDamage(damage))),
      without: AFRESH,
    })
  let lostDesired = false
  const desired = openStateFile({
    path: join(directory, 'desired.json'),
    form: sealedJson(Desired),
    onDamage:
      onDamage &&
      ((damage) => {
        lostDesired ||= damage.instead === null
        onDamage(damage)
      }),
    without: 'replicas of worker.toml go on as approved before; those added by the API wait for NATS',
  })
  const declared = openStateFile({
    path: join(directory, 'declared.json'),
    form: declaredForm,
    onDamage,
    without: 'it is written anew at this start',
  })
  return {
    directory,
    spoolDirectory: join(directory, 'spool'),
    sealingKey: () => openSealingKey(join(directory, 'credentials.key'), onDamage),
    identity: (configured) => identityOf({ directory, onDamage, desired: () => desired.read() }, configured),
    readDesired: () => desired.read(),
    lostDesired: () => lostDesired,
    saveDesired(wanted) {
      const before = desired.read()
      desired.write(wanted)
      // An approval that was taken back must not return with the version before it, and credentials that an early
      // version kept in clear must not stay in it.
      const clear = before?.replicas.some(({ auth }) => auth && auth.type !== 'sealed')
      if (before?.admission !== wanted.admission || wanted.terminate || clear) desired.write(wanted)
    },
    saveDeclared(names) {
      // A damaged one is set aside first.
      declared.read()
      declared.write({ names: [...names] })
    },
    readDeclared: () => declared.read()?.names ?? null,
    readReplicas: () => readRecords(replicas, recordOf, older),
    saveReplica: ({ spec, life, facts, again, taken }) =>
      // A date is written as a text, which is what the schema describes.
      recordOf(spec.replica_id).write({ life, facts, again, taken } as unknown as Record),
    renameReplica(replicaId, newId) {
      const kept = recordOf(replicaId).read()
      if (kept === null) return
      recordOf(newId).write(kept)
      recordOf(replicaId).remove()
    },
    removeReplica: (replicaId) => recordOf(replicaId).remove(),
  }
}

/** Creates a folder. What is in its place and is no folder is set aside. */
function makeFolder(folder: string, onDamage?: (damage: Damage) => void): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const aside = code === 'EEXIST' && onDamage ? setAside(folder) : null
    if (aside === null) throw error
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    onDamage!({ path: folder, problem: 'is not a directory', instead: null, aside, without: AFRESH })
  }
}

function readRecords(
  folder: string,
  recordOf: (id: string) => StateFile<Record>,
  older: ReadonlySet<string>,
): Map<string, Remembered> {
  const found = new Map<string, Remembered>()
  // A record of which only the version before it is left is damaged too.
  const names = readdirSync(folder).flatMap((file) => /^(.+)\.json(?:\.previous)?$/.exec(file)?.[1] ?? [])
  for (const name of new Set(names)) {
    const id = decodedName(name)
    const record = id === null ? null : recordOf(id)
    let kept = record?.read()
    if (id === null || !record || !kept) continue
    if (older.has(record.path)) {
      // What it was doing then has ended since, and was reported: it must not begin or be reported again.
      kept = { ...kept, life: { state: 'idle' }, again: null }
      record.write(kept)
    }
    found.set(id, revive(kept))
  }
  return found
}

function decodedName(name: string): string | null {
  try {
    return decodeURIComponent(name)
  } catch {
    return null
  }
}

/** What a record does not say of a life. */
const waiting = { position: 0, reason: 'waiting for its turn' }
const plainSync: ReplicaTask = { type: 'sync', approved: null }

function revive(record: Record): Remembered {
  const { life } = record
  const dated: Life =
    life.state === 'queued'
      ? { ...waiting, ...life, since: new Date(life.since), task: life.task ?? plainSync }
      : life.state === 'syncing'
        ? { ...life, startedAt: new Date(life.startedAt), task: life.task ?? plainSync }
        : life
  return {
    life: dated,
    facts: { ...noFacts, ...record.facts, nextDueAt: record.facts.nextDueAt ? new Date(record.facts.nextDueAt) : null },
    again: record.again ?? null,
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

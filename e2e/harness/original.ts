// original.ts — What the original Kagami leaves behind: its database, and a worker that speaks its wire
// (docs/compatibility.md). Like those, the worker joins only until it is approved; afterwards it sends heartbeats.
import { DatabaseSync } from 'node:sqlite'
import type { NatsConnection } from '@nats-io/transport-node'

/** A replica as the original's workers describe it. */
export interface OriginalReplica {
  readonly replica_id: string
  readonly name: string
  readonly kind: string
  readonly upstream: string
  readonly status: string
  readonly interval_secs: number | null
  readonly labels: Record<string, string> | null
}

type Row = readonly (string | number)[]

/** Makes a database with the tables of the original: rows of `workers` and `replicas` in the order of the columns. */
export function createOriginalDatabase(file: string, rows: { workers: readonly Row[]; replicas: readonly Row[] }) {
  const db = new DatabaseSync(file)
  db.exec(
    'CREATE TABLE "workers" ( "worker_id" varchar NOT NULL PRIMARY KEY, "approved" boolean NOT NULL, ' +
      '"last_seen" bigint NOT NULL )',
  )
  db.exec(
    'CREATE TABLE "replicas" ( "replica_id" varchar NOT NULL PRIMARY KEY, "worker_id" varchar NOT NULL, ' +
      '"name" varchar NOT NULL, "kind" varchar NOT NULL, "upstream" varchar NOT NULL, "status" varchar NOT NULL, ' +
      'FOREIGN KEY ("worker_id") REFERENCES "workers" ("worker_id") )',
  )
  for (const row of rows.workers) db.prepare('INSERT INTO workers VALUES (?, ?, ?)').run(...row)
  for (const row of rows.replicas) db.prepare('INSERT INTO replicas VALUES (?, ?, ?, ?, ?, ?)').run(...row)
  db.close()
}

/** A running worker of the original. */
export interface OriginalWorker {
  readonly id: string
  /** The types of the commands that it was given. */
  readonly commands: string[]
  readonly replicas: readonly OriginalReplica[]
  /** False once it was rejected or terminated: then it says nothing more. */
  readonly running: boolean
  beat(): void
}

/** Starts one that has long been approved: it never joins. */
export function startOriginalWorker(
  nats: NatsConnection,
  id: string,
  replicas: readonly OriginalReplica[],
): OriginalWorker {
  let [now, running, added] = [replicas, true, 0]
  const commands: string[] = []
  const obey = (command: Record<string, unknown> & { type: string }) => {
    commands.push(command.type)
    const one = command as unknown as OriginalReplica & { resource: string | null }
    if (command.type === 'reject' || command.type === 'terminate') running = false
    if (command.type === 'add_replica')
      now = [...now, { ...one, replica_id: `${id.slice(0, -1)}${++added}`, status: 'init' }]
    if (command.type === 'remove_replica') now = now.filter((replica) => replica.replica_id !== one.replica_id)
    if (command.type === 'sync_resource')
      now = now.map((replica) =>
        replica.name === (one.resource ?? replica.name) ? { ...replica, status: 'syncing' } : replica,
      )
  }
  nats.subscribe(`kagami.worker.${id}.cmd`, {
    callback: (_, message) => {
      const command = message.json<{ type: string }>()
      obey(command)
      if (message.reply)
        message.respond(JSON.stringify({ worker_id: id, command: command.type, accepted: true, detail: null }))
    },
  })
  return {
    id,
    commands,
    get replicas() {
      return now
    },
    get running() {
      return running
    },
    beat() {
      const body = {
        worker_id: id,
        time_stamp: Math.floor(Date.now() / 1000),
        replicas: now.map(({ replica_id, name, kind, upstream, status, interval_secs, labels }) => ({
          replica_id,
          name,
          kind,
          upstream,
          status,
          interval_secs,
          labels,
        })),
        storage: { total_bytes: 100, used_bytes: 10 },
      }
      if (running) nats.publish(`kagami.hb.${id}`, JSON.stringify(body))
    },
  }
}

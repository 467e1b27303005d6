// conversation.ts — When the worker speaks and listens: joins, reads, beats and reports in their rhythm. What is said is decided elsewhere.
import { statfs, stat } from 'node:fs/promises'
import { readIfThere, type Clock, type Logger } from '@kagami/runtime'
import { HEARTBEAT_SECONDS, type Join, type Storage } from '@kagami/protocol'
import { nextJoinMs } from '../core/membership.ts'
import type { Replica } from '../core/replica.ts'
import type { WorkerEvent, WorkerState } from '../core/worker.ts'
import type { Spool } from '../sync/spool.ts'
import { digestOf, heartbeatsFor } from './heartbeat.ts'
import type { Link } from './nats.ts'

/** Changes that come together are told together, ms. */
const GATHER_MS = 5
const READ_EVERY_MS = 60_000
const RETRY_MS = 1000

export interface Conversation {
  /** The link is up: join, read, say everything. */
  open(link: Link): void
  connected(now: boolean): void
  /** These changed: tell it at once, together with what else changes now. */
  announce(changed: readonly Replica[], removed: readonly string[]): void
  /** The desired document may have changed. */
  hint(): void
  /** The supervisor lost track of us. */
  refresh(): void
  /** Tries to send what waits in the spool. */
  flushReports(): Promise<void>
  close(): void
}

export interface ConversationParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly dataDir: string
  readonly introduction: Join
  readonly spool: Spool
  state(): WorkerState
  tell(event: WorkerEvent): void
  onHeartbeat(at: Date): void
}

/** Starts silent; speaks once `open` gives it a link. */
export function createConversation(parts: ConversationParts): Conversation {
  const { clock, logger, spool } = parts
  let link: Link | null = null
  let closed = false
  let seq = 0
  const pending = { changed: new Map<string, Replica>(), removed: new Set<string>(), full: true }
  const timers = new Map<string, () => void>()

  /** One timer per purpose; setting it again replaces it. */
  function later(purpose: string, ms: number, task: () => void) {
    timers.get(purpose)?.()
    if (!closed) timers.set(purpose, clock.after(ms, task))
  }
  const usable = () => !closed && link !== null && link.connected

  async function join() {
    if (usable()) {
      const reply = await link!.join(parts.introduction)
      if (closed) return
      logAnswer(logger, parts.state(), reply)
      parts.tell({ type: 'join_answered', reply })
      if (reply) void read()
    }
    later('join', nextJoinMs(parts.state().membership, parts.introduction.worker_id), () => void join())
  }

  const read = exclusive(async () => {
    if (!usable()) return
    const desired = await link!.readDesired()
    if (closed) return
    if (desired && desired !== 'unreachable') parts.tell({ type: 'desired_read', desired, cached: false })
    later('read', desired === 'unreachable' ? RETRY_MS : READ_EVERY_MS * (0.8 + 0.4 * Math.random()), () => void read())
  })

  const beat = exclusive(async () => {
    later('beat', HEARTBEAT_SECONDS * 1000 * (0.9 + 0.2 * Math.random()), () => void beat())
    if (!usable()) return
    const storage = await storageOf(parts.dataDir)
    if (!usable()) return
    const state = parts.state()
    const changed = pending.full ? [...state.replicas.values()] : [...pending.changed.values()]
    const removed = [...pending.removed]
    const running = [...state.replicas.values()].filter((replica) => replica.life.state === 'syncing').length
    const queued = [...state.replicas.values()].filter((replica) => replica.life.state === 'queued').length
    const heartbeats = heartbeatsFor(
      {
        worker_id: state.id, instance: state.instance, seq: ++seq, sent_at: clock.now().toISOString(), observed_rev: state.desired?.rev ?? 0,
        digest: digestOf(state.replicas), storage, jobs: { running, queued, limit: state.limits.perWorker },
      },
      { changed, removed, full: pending.full },
    )
    pending.changed.clear()
    pending.removed.clear()
    pending.full = false
    link!.heartbeat(heartbeats)
    parts.onHeartbeat(clock.now())
  })

  async function flushReports() {
    if (usable()) await spool.flush((report) => link!.report(report))
    if (spool.size > 0) later('reports', RETRY_MS, () => void flushReports())
  }

  function sayEverything() {
    pending.full = true
    void join()
    void beat()
    void flushReports()
  }

  return {
    open(opened) {
      link = opened
      sayEverything()
    },
    connected(now) {
      if (now) sayEverything()
    },
    announce(changed, removed) {
      for (const replica of changed) pending.changed.set(replica.spec.replica_id, replica)
      for (const id of removed) {
        pending.changed.delete(id)
        pending.removed.add(id)
      }
      later('beat', GATHER_MS, () => void beat())
    },
    hint: () => void read(),
    refresh: sayEverything,
    flushReports,
    close() {
      closed = true
      for (const cancel of timers.values()) cancel()
    },
  }
}

/** Runs `task` one at a time; a call during a run leads to one more run after it. */
function exclusive(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null
  let again = false
  return function run(): Promise<void> {
    if (running) {
      again = true
      return running
    }
    running = task().finally(() => {
      running = null
      if (again) {
        again = false
        void run()
      }
    })
    return running
  }
}

function logAnswer(logger: Logger, state: WorkerState, reply: Awaited<ReturnType<Link['join']>>) {
  const before = state.membership
  if (!reply) {
    if (before.attempts === 0) logger.warn('no supervisor answers yet; asking again with growing pauses')
  } else if (reply.status !== before.standing || !reply.accepted !== before.fenced) {
    logger.info({ status: reply.status, reason: reply.reason ?? undefined }, reply.status === 'pending' ? 'waiting for approval: kagami workers approve' : `the supervisor says: ${reply.status}`)
  }
}

/** The filesystem of data_dir. The kernel's boot id and the device number tell it apart from other hosts' and other disks. */
async function storageOf(dataDir: string): Promise<Storage | null> {
  try {
    const [space, place] = await Promise.all([statfs(dataDir), stat(dataDir)])
    const boot = readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown'
    return { total_bytes: space.blocks * space.bsize, used_bytes: (space.blocks - space.bfree) * space.bsize, device: `${boot}:${place.dev}` }
  } catch {
    return null
  }
}

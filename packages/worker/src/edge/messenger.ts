// messenger.ts — When the worker sends and reads: joins, documents, heartbeats and reports, each in its rhythm. The
// contents are decided elsewhere.
import { statfs, stat } from 'node:fs/promises'
import { readIfThere, type Clock, type Logger } from '@kagami/runtime'
import { HEARTBEAT_SECONDS, type Folders, type Join, type JoinReply, type Storage } from '@kagami/protocol'
import { nextJoinMs } from '../core/membership.ts'
import type { Replica } from '../core/replica.ts'
import type { WorkerEvent, WorkerState } from '../core/worker.ts'
import type { Spool } from './spool.ts'
import { envelopeOf, heartbeatsFor, type HeartbeatContents } from './heartbeat.ts'
import type { Link } from './nats.ts'

/** Changes within this time go into one heartbeat, ms. */
const GATHER_MS = 5
const READ_EVERY_MS = 60_000
const RETRY_MS = 1000
/** Unanswered joins after which an older supervisor is tried. */
const OLDER_AFTER_JOINS = 3

export interface Messenger {
  /** The link is up: join, read the document, send everything. */
  open(link: Link): void
  connected(now: boolean): void
  /** These changed: send them at once, with what else changes in that moment. */
  sendChanges(changed: readonly Replica[], removed: readonly string[]): void
  /** The worker has looked at the folders without a replica: send them. */
  sendFolders(): void
  /** The desired document may have changed: read it. */
  hint(): void
  /** The supervisor does not know this process: join and send everything. */
  sendAll(): void
  /** The supervisor has room for the states of all replicas: send them. */
  sendStates(): void
  /** Tries to send the reports in the spool. */
  flushReports(): Promise<void>
  close(): void
}

export interface MessengerParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly dataDir: string
  joinMessage(): Join
  readonly spool: Spool
  state(): WorkerState
  /** The folders without a replica; null until the worker has looked. */
  folders(): Folders | null
  tell(event: WorkerEvent): void
  onHeartbeat(at: Date): void
}

interface MessengerState {
  readonly parts: MessengerParts
  readonly pending: { changed: Map<string, Replica>; removed: Set<string>; folders: boolean }
  /** Whether the next heartbeat has all states. `unless_asks`: unless the supervisor is one that asks for them. */
  full: 'no' | 'unless_asks' | 'asked'
  /** The supervisor asks for full heartbeats when it has room for them. */
  supervisorAsks: boolean
  link: Link | null
  closed: boolean
  /**
   * False until the supervisor has accepted this process. It cannot place what it received before, so everything is
   * sent again then.
   */
  accepted: boolean
  /**
   * False until this process has joined and looked for the present document. What an earlier run cached may name
   * replicas that were removed since, and lack those that were added: nothing is said of them before.
   */
  looked: boolean
  seq: number
  /** One timer for each purpose; setting it again replaces it. */
  schedule(purpose: 'join' | 'read' | 'beat' | 'reports', ms: number, task: () => void): void
}

/** Silent until `open` gives it a link. */
export function createMessenger(parts: MessengerParts): Messenger {
  const timers = new Map<string, () => void>()
  const state = createState(parts, timers)
  const read = exclusive(() => readDesired(state, () => void read()))
  const beat = exclusive(() => sendHeartbeat(state, () => void beat()))
  const flushReports = () => sendReports(state)
  const sendEverything = () => {
    tellAllAgain(state)
    void sendJoin(state, { read, beat: () => void beat() })
    void beat()
    void flushReports()
  }
  return {
    open(link) {
      state.link = link
      sendEverything()
    },
    connected(now) {
      if (!now) return
      // The supervisor may be there again later than this worker: once it answers, it is told what it has missed.
      state.accepted = false
      sendEverything()
    },
    sendChanges(changed, removed) {
      for (const replica of changed) state.pending.changed.set(replica.spec.replica_id, replica)
      for (const id of removed) {
        state.pending.changed.delete(id)
        state.pending.removed.add(id)
      }
      state.schedule('beat', GATHER_MS, () => void beat())
    },
    sendFolders() {
      state.pending.folders = true
      state.schedule('beat', GATHER_MS, () => void beat())
    },
    hint: () => void read(),
    sendAll() {
      state.accepted = false
      if (state.full === 'no') state.full = 'unless_asks'
      sendEverything()
    },
    sendStates() {
      state.full = 'asked'
      void beat()
    },
    flushReports,
    close() {
      state.closed = true
      for (const cancel of timers.values()) cancel()
    },
  }
}

function createState(parts: MessengerParts, timers: Map<string, () => void>): MessengerState {
  const state: MessengerState = {
    parts,
    pending: { changed: new Map(), removed: new Set(), folders: false },
    full: 'unless_asks',
    supervisorAsks: false,
    link: null,
    closed: false,
    accepted: false,
    looked: false,
    seq: 0,
    schedule(purpose, ms, task) {
      timers.get(purpose)?.()
      if (!state.closed) timers.set(purpose, parts.clock.after(ms, task))
    },
  }
  return state
}

/** A supervisor that asks need not be told: it sees by the digest of the next heartbeat whether it lacks something. */
function tellAllAgain(state: MessengerState): void {
  if (state.full === 'no' && !state.supervisorAsks) state.full = 'unless_asks'
}

function openLinkOf({ closed, link }: MessengerState): Link | null {
  return !closed && link?.connected ? link : null
}

async function sendJoin(state: MessengerState, next: { read(): Promise<void>; beat(): void }): Promise<void> {
  const { parts } = state
  const link = openLinkOf(state)
  if (link) {
    const reply = (await link.join(parts.joinMessage())) ?? (await joinOlder(state, link))
    if (state.closed) return
    logAnswer(parts.logger, parts.state(), reply)
    parts.tell({ type: 'join_answered', reply })
    if (reply) state.supervisorAsks = reply.asks_for_states === true
    const reading = reply && next.read()
    if (reading && !state.looked) {
      await reading
      state.looked = true
      next.beat()
    }
    if (reply?.supervisor?.stream && parts.spool.setStream(reply.supervisor.stream)) void sendReports(state)
    if (reply?.accepted && !state.accepted) {
      state.accepted = true
      tellAllAgain(state)
      next.beat()
    }
  }
  state.schedule('join', nextJoinMs(parts.state().membership, parts.state().id), () => void sendJoin(state, next))
}

/** A supervisor of v0 knows only its own messages; it is tried when ours stay unanswered for a while. */
async function joinOlder({ parts }: MessengerState, link: Link): Promise<JoinReply | null> {
  if (parts.state().membership.attempts < OLDER_AFTER_JOINS && !link.older.active) return null
  return link.older.join()
}

async function readDesired(state: MessengerState, again: () => void): Promise<void> {
  const link = openLinkOf(state)
  if (!link) return
  const desired = await link.readDesired()
  if (state.closed) return
  if (desired && desired !== 'unreachable') state.parts.tell({ type: 'desired_read', desired, cached: false })
  state.schedule('read', desired === 'unreachable' ? RETRY_MS : READ_EVERY_MS * (0.8 + 0.4 * Math.random()), again)
}

async function sendHeartbeat(state: MessengerState, again: () => void): Promise<void> {
  const { parts, pending } = state
  state.schedule('beat', HEARTBEAT_SECONDS * 1000 * (0.9 + 0.2 * Math.random()), again)
  if (!openLinkOf(state) || !state.looked) return
  const storage = await storageOf(parts.dataDir)
  const link = openLinkOf(state)
  if (!link) return
  const worker = parts.state()
  const contents = contentsOf(state, worker)
  pending.changed.clear()
  pending.removed.clear()
  pending.folders = false
  if (contents.full) state.full = 'no'
  link.older.beat(storage)
  link.heartbeat(
    heartbeatsFor(
      { ...envelopeOf(worker), seq: ++state.seq, sent_at: parts.clock.now().toISOString(), storage },
      contents,
    ),
  )
  parts.onHeartbeat(parts.clock.now())
}

/** What the next heartbeat says of replicas: what has changed; all; or nothing, when all will be asked for. */
function contentsOf({ parts, pending, full, supervisorAsks }: MessengerState, worker: WorkerState): HeartbeatContents {
  const isFull = full === 'asked' || (full === 'unless_asks' && !supervisorAsks)
  const awaitsQuestion = full === 'unless_asks' && supervisorAsks
  const named = isFull ? [...worker.replicas.values()] : awaitsQuestion ? [] : [...pending.changed.values()]
  return {
    changed: named,
    removed: awaitsQuestion ? [] : [...pending.removed],
    full: isFull,
    folders: isFull || pending.folders ? parts.folders() : null,
  }
}

async function sendReports(state: MessengerState): Promise<void> {
  const { spool } = state.parts
  const link = openLinkOf(state)
  if (link) await spool.flush((report) => link.report(report))
  if (spool.size > 0) state.schedule('reports', RETRY_MS, () => void sendReports(state))
}

/** Runs `task` one at a time. A call during a run leads to one more run after it. */
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
    if (reply.missing_disk)
      return logger.warn({ status: reply.status }, reply.reason ?? 'the disk of data_dir is missing')
    logger.info(
      { status: reply.status, reason: reply.reason ?? undefined },
      reply.status === 'pending'
        ? 'waiting for approval: kagami workers approve'
        : `the supervisor says: ${reply.status}`,
    )
  }
}

/**
 * The filesystem of data_dir. Boot id and device number distinguish it from those of other hosts and from other disks.
 */
async function storageOf(dataDir: string): Promise<Storage | null> {
  try {
    const [space, place] = await Promise.all([statfs(dataDir), stat(dataDir)])
    const boot = readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown'
    return {
      total_bytes: space.blocks * space.bsize,
      used_bytes: (space.blocks - space.bfree) * space.bsize,
      available_bytes: space.bavail * space.bsize,
      device: `${boot}:${place.dev}`,
    }
  } catch {
    return null
  }
}

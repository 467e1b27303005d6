// refreshing.ts — Asks workers for what the supervisor does not know of them, a few at a time: a fleet that comes all
// at once is taken in as fast as it can be, instead of sending everything again because it was not taken in yet.
import type { Bus, Clock } from '@kagami/runtime'

/** Workers that are asked at the same time. */
const AT_ONCE = 32
/** More workers than this do not wait: their next heartbeats ask again. On an open NATS anybody may send some. */
const WAITING_MAX = 100_000
/** A worker is asked at most this often, ms. */
const EVERY_MS = 3000
/** How long a worker has to say that it will send, ms, and then until what it sends is there. */
const ANSWER_MS = 2000
const ARRIVE_MS = 3000

/** `states`: of a process that has joined, all states of its replicas; `join`: it has to join first. */
export type Wanted = 'states' | 'join'

/** Who is to be asked. */
export interface Refreshing {
  /** Asks a worker when it is its turn; at most every three seconds. */
  want(workerId: string, what: Wanted): void
  /** A process has joined: what was asked before was asked of another one, or was this. */
  joined(workerId: string): void
  /** All states of a worker are there. */
  arrived(workerId: string): void
  stop(): void
}

/** Nobody is asked until somebody is wanted. */
export function createRefreshing({ bus, clock }: { bus: Pick<Bus, 'request'>; clock: Clock }): Refreshing {
  const waiting = new Map<string, Wanted>()
  /** Those that have not sent what they were asked for, and how to stop waiting for it. */
  const asked = new Map<string, { cancel: () => void }>()
  /** When workers were asked last, monotonic ms; the earliest first. */
  const askedMs = new Map<string, number>()
  let stopped = false

  function askNext(): void {
    for (const [workerId, what] of waiting) {
      if (asked.size >= AT_ONCE) return
      waiting.delete(workerId)
      void ask(workerId, what)
    }
  }

  async function ask(workerId: string, what: Wanted): Promise<void> {
    const turn = { cancel: () => {} }
    asked.set(workerId, turn)
    noteAsked(workerId)
    const request = what === 'states' ? { states_only: true } : {}
    // Whom NATS does not let us ask is as one who does not answer.
    const reply = await bus.request('refresh', workerId, request, ANSWER_MS).catch(() => null)
    if (asked.get(workerId) !== turn) return
    if (reply && !stopped) turn.cancel = clock.after(ARRIVE_MS, () => endTurn(workerId))
    else endTurn(workerId)
  }

  function noteAsked(workerId: string): void {
    const now = clock.monotonicMs()
    askedMs.delete(workerId)
    askedMs.set(workerId, now)
    for (const [id, at] of askedMs) {
      if (now - at < EVERY_MS) return
      askedMs.delete(id)
    }
  }

  function endTurn(workerId: string): void {
    asked.get(workerId)?.cancel()
    if (asked.delete(workerId)) askNext()
  }

  return {
    want(workerId, what) {
      if (stopped || waiting.size >= WAITING_MAX || asked.has(workerId)) return
      if (clock.monotonicMs() - (askedMs.get(workerId) ?? -Infinity) < EVERY_MS) return
      waiting.set(workerId, what)
      askNext()
    },
    joined(workerId) {
      waiting.delete(workerId)
      askedMs.delete(workerId)
      endTurn(workerId)
    },
    arrived(workerId) {
      waiting.delete(workerId)
      endTurn(workerId)
    },
    stop() {
      stopped = true
      waiting.clear()
      for (const { cancel } of asked.values()) cancel()
    },
  }
}

// pace.ts — How fast each upstream host is asked, for all replicas of the worker together: few requests at first, more
// while they are served, much less once some are refused as too many. Counts and times only; sends nothing.
import type { Leave, Pace, Paces } from '../paces.ts'
import type { SyncContext } from '../provider.ts'

/** Requests under way at first, and at most. */
const WINDOW_START = 4
const WINDOW_MAX = 256
/** Growth of the window for each answer before the first refusal: by a quarter in each round trip. */
const WINDOW_GROWTH = 0.25
/** The share of the rate that was served which is tried after a refusal. */
const BACK_OFF = 0.7
/** A rate that grew until a request was refused was served to this share at least: it was too high only at its end. */
const SERVED_SHARE = 0.75
/**
 * What each answer adds to the rate, requests a second: the share by which it grows each second. Most while nobody
 * knows what is served, much below what was served before a refusal; above, little at first and more with each second
 * that nothing is refused.
 */
const SEARCHING = 0.4
const CATCHING_UP = 0.3
const PROBING = 0.02
/** A rate above this is no limit any more, requests a second. */
const RATE_MAX = 5000
const PAUSE_MS = 500
const PAUSE_MAX_MS = 30_000
/**
 * Time a late timer may catch up with at rates beyond what timers can do, ms. At lower ones nothing is caught up with:
 * a strict host refuses two requests that are closer than it allows.
 */
const CREDIT_MS = 50
const TIMED_RATE_MAX = 100
/** Refusals in a row, each after a longer pause, until an upstream counts as closed: about a minute and a half. */
const STRIKES_MAX = 8
const HOSTS_MAX = 2000

export interface PaceOptions {
  /** Milliseconds that only grow. */
  readonly now?: () => number
  /** Between 0 and 1. */
  readonly random?: () => number
}

/** The paces of one worker. */
export function createPaces(options: PaceOptions = {}): Paces {
  const paces = new Map<string, Pace>()
  return {
    oneAtATime: new Set(),
    of(host) {
      const pace = paces.get(host) ?? createPace(options)
      paces.delete(host)
      paces.set(host, pace)
      const [oldest] = paces.keys()
      if (paces.size > HOSTS_MAX) paces.delete(oldest!)
      return pace
    },
  }
}

interface PaceState {
  /** Requests that may be under way, and those that are. */
  window: number
  active: number
  /** Requests a second; Infinity before the first refusal. */
  rate: number
  /** The rate that was served when one was last refused. */
  served: number
  nextAt: number
  pausedUntil: number
  strikes: number
  /** Grows with each refusal that was acted on: what was sent before it says nothing new. */
  epoch: number
  /** When the last answers came, at most those of one second. */
  recent: number[]
  /** Some requests were refused: from then on there is a rate. */
  limited: boolean
  refusedAt: number
  readonly watches: Set<Watch>
  /** Resolves when a request is done; null while nobody waits for that. */
  freed: PromiseWithResolvers<void> | null
}

interface Watch {
  refusals: number
  /** Since the first refusal: when it was, and the answers that came. */
  limitedAt: number
  served: number
}

/** The pace of one host. */
export function createPace({ now = () => performance.now(), random = Math.random }: PaceOptions = {}): Pace {
  const state: PaceState = {
    window: WINDOW_START,
    active: 0,
    rate: Infinity,
    served: Infinity,
    nextAt: 0,
    pausedUntil: 0,
    strikes: 0,
    epoch: 0,
    recent: [],
    limited: false,
    refusedAt: 0,
    watches: new Set(),
    freed: null,
  }
  return {
    take() {
      const at = now()
      if (at < state.pausedUntil) return state.pausedUntil - at
      if (state.active >= Math.floor(state.window)) return 'full'
      if (state.rate !== Infinity) {
        if (at < state.nextAt) return state.nextAt - at
        state.nextAt = slotAfter(state.nextAt, at, state.rate)
      }
      state.active++
      return leaveOf(state, now, random)
    },
    freed: () => (state.freed ??= Promise.withResolvers<void>()).promise,
    closed: () => state.strikes >= STRIKES_MAX,
    watch() {
      const watch: Watch = { refusals: 0, limitedAt: 0, served: 0 }
      state.watches.add(watch)
      return {
        end() {
          state.watches.delete(watch)
          const ms = now() - watch.limitedAt
          const { refusals, served } = watch
          return { refusals, perSecond: refusals === 0 || ms < 1000 ? null : (served * 1000) / ms }
        },
      }
    },
  }
}

/** When the next request may be sent after one at `at`. */
function slotAfter(nextAt: number, at: number, rate: number): number {
  return Math.max(nextAt, rate > TIMED_RATE_MAX ? at - CREDIT_MS : at) + 1000 / rate
}

function leaveOf(state: PaceState, now: () => number, random: () => number): Leave {
  const { epoch } = state
  let given = true
  return {
    done(answer, retryAfterSeconds = null) {
      if (!given) return
      given = false
      state.active--
      state.freed?.resolve()
      state.freed = null
      const at = now()
      if (answer === 'served') noteServed(state, at)
      if (answer === 'refused') noteRefused(state, { at, epoch, jitter: 0.5 + random(), retryAfterSeconds })
    },
  }
}

function noteServed(state: PaceState, at: number): void {
  state.strikes = 0
  if (!state.limited) {
    state.window = Math.min(WINDOW_MAX, state.window + WINDOW_GROWTH)
    if (state.recent.push(at) > 2000) dropOld(state, at)
    return
  }
  for (const watch of state.watches) if (watch.refusals > 0) watch.served++
  state.window = Math.min(WINDOW_MAX, state.window + 1 / state.window)
  state.recent.push(at)
  dropOld(state, at)
  // Each answer adds its share of a second, so that the growth a second is the same at any rate.
  const probing = Math.min(CATCHING_UP, PROBING * (1 + (at - state.refusedAt) / 1000))
  state.rate += state.served === Infinity ? SEARCHING : state.rate < state.served ? CATCHING_UP : probing
  if (state.rate > RATE_MAX) state.rate = Infinity
}

function noteRefused(
  state: PaceState,
  {
    at,
    epoch,
    jitter,
    retryAfterSeconds,
  }: { at: number; epoch: number; jitter: number; retryAfterSeconds: number | null },
): void {
  for (const watch of state.watches) if (watch.refusals++ === 0) watch.limitedAt = at
  if (epoch !== state.epoch) return
  state.epoch++
  state.strikes++
  dropOld(state, at)
  state.limited = true
  state.refusedAt = at
  // What was served within one second, even when it came in an instant: a burst is allowed once, not always.
  const had = state.rate !== Infinity
  const served = had ? Math.max(state.recent.length, state.rate * SERVED_SHARE) : state.recent.length
  state.served = had ? served : Infinity
  state.rate = Math.max(1, Math.min(state.rate, served) * BACK_OFF)
  state.window = Math.max(1, state.window / 2)
  const grown = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (state.strikes - 1)) * jitter
  state.pausedUntil = at + Math.min(PAUSE_MAX_MS, Math.max(grown, (retryAfterSeconds ?? 0) * 1000))
}

function dropOld(state: PaceState, at: number): void {
  const first = state.recent.findIndex((when) => when > at - 1000)
  state.recent.splice(0, first < 0 ? state.recent.length : first)
}

/** Paces of one run that also keep to so many requests a second; 0 is no limit. */
export function limitPaces(paces: Paces, perSecond: number, now = () => performance.now()): Paces {
  if (perSecond === 0) return paces
  let nextAt = 0
  return {
    oneAtATime: paces.oneAtATime,
    of(host) {
      const pace = paces.of(host)
      return {
        ...pace,
        take() {
          const at = now()
          if (at < nextAt) return nextAt - at
          const leave = pace.take()
          if (typeof leave === 'object') nextAt = slotAfter(nextAt, at, perSecond)
          return leave
        },
      }
    },
  }
}

/** Whether a status says that there are too many requests. */
export const isRefusal = (status: number): boolean => status === 429 || status === 503

/** Waits until a request to a host may be sent. Throws when the run is stopped. */
export async function waitForLeave(
  { paces, pause, signal }: Pick<SyncContext, 'paces' | 'pause' | 'signal'>,
  host: string,
): Promise<Leave> {
  const pace = paces.of(host)
  for (;;) {
    signal.throwIfAborted()
    const leave = pace.take()
    if (typeof leave === 'object') return leave
    await (leave === 'full' ? pace.freed() : pause(leave / 1000))
  }
}

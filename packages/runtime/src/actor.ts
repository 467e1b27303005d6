// actor.ts — One mailbox running one machine: events in order, one at a time; effects carried out by handlers.
import type { Clock } from './clock.ts'
import type { Advance, EffectHandlers } from './machine.ts'

export interface Actor<State, Event> {
  readonly state: State
  /** Puts an event into the mailbox. Handled before this returns unless an event is being handled now. */
  tell(event: Event): void
  /** Resolves when the mailbox is empty and every effect has ended. */
  idle(): Promise<void>
  /** Further events are dropped. Safe to call twice. */
  stop(): void
}

/** Starts an actor. A handler that throws is a fault: `onFault` is told and the actor goes on. */
export function createActor<State, Event, Effect extends { type: string }>(parts: {
  state: State
  advance: Advance<State, Event, Effect>
  effects: EffectHandlers<Effect>
  clock: Clock
  onFault: (fault: unknown, effect: Effect | null) => void
}): Actor<State, Event> {
  let state = parts.state
  let handling = false
  let stopped = false
  const mailbox: Event[] = []
  const hands = createHands(parts)

  function drain() {
    handling = true
    try {
      for (let event = mailbox.shift(); event !== undefined; event = mailbox.shift()) {
        const step = parts.advance(state, event, parts.clock.now())
        state = step.state
        for (const effect of step.effects) hands.carryOut(effect)
      }
    } finally {
      handling = false
    }
  }

  return {
    get state() {
      return state
    },
    tell(event) {
      if (stopped) return
      mailbox.push(event)
      if (!handling) drain()
    },
    idle: hands.idle,
    stop() {
      stopped = true
    },
  }
}

/** Carries effects out and knows which of them still run. */
function createHands<Effect extends { type: string }>(parts: {
  effects: EffectHandlers<Effect>
  onFault: (fault: unknown, effect: Effect | null) => void
}) {
  const running = new Set<Promise<void>>()
  return {
    carryOut(effect: Effect) {
      try {
        const handler = parts.effects[effect.type as Effect['type']] as (effect: Effect) => void | Promise<void>
        const outcome = handler(effect)
        if (!outcome) return
        const tracked = outcome
          .catch((fault: unknown) => parts.onFault(fault, effect))
          .finally(() => running.delete(tracked))
        running.add(tracked)
      } catch (fault) {
        parts.onFault(fault, effect)
      }
    },
    async idle() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}

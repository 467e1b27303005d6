// actor.ts — One mailbox that runs one machine: handles events in order, one at a time, and carries out their effects.
import type { Clock } from './clock.ts'
import type { Advance, EffectHandlers } from './machine.ts'

/** A running machine. */
export interface Actor<State, Event> {
  readonly state: State
  /** Puts an event into the mailbox. It is handled before this returns, unless another event is being handled. */
  send(event: Event): void
  /** Resolves when the mailbox is empty and every effect has ended. */
  idle(): Promise<void>
  /** Drops all further events. Safe to call twice. */
  stop(): void
}

/** What an actor is made of. */
export interface ActorParts<State, Event, Effect extends { type: string }> {
  readonly state: State
  readonly advance: Advance<State, Event, Effect>
  readonly effects: EffectHandlers<Effect>
  readonly clock: Clock
  readonly onFault: (fault: unknown, effect: Effect | null) => void
}

/** Starts an actor. When a handler throws, `onFault` is called, and the actor continues. */
export function createActor<State, Event, Effect extends { type: string }>(
  parts: ActorParts<State, Event, Effect>,
): Actor<State, Event> {
  let state = parts.state
  let handling = false
  let stopped = false
  const mailbox: Event[] = []
  const runner = createEffectRunner(parts)

  function handleAll() {
    handling = true
    try {
      for (let event = mailbox.shift(); event !== undefined; event = mailbox.shift()) {
        const step = parts.advance(state, event, parts.clock.now())
        state = step.state
        for (const effect of step.effects) runner.run(effect)
      }
    } finally {
      handling = false
    }
  }

  return {
    get state() {
      return state
    },
    send(event) {
      if (stopped) return
      mailbox.push(event)
      if (!handling) handleAll()
    },
    idle: runner.idle,
    stop() {
      stopped = true
    },
  }
}

/** Runs effects, and knows which of them have not ended. */
function createEffectRunner<Effect extends { type: string }>({
  effects,
  onFault,
}: Pick<ActorParts<unknown, unknown, Effect>, 'effects' | 'onFault'>) {
  const running = new Set<Promise<void>>()
  return {
    run(effect: Effect) {
      try {
        const handler = effects[effect.type as Effect['type']] as (effect: Effect) => void | Promise<void>
        const outcome = handler(effect)
        if (!outcome) return
        const tracked = outcome.catch((fault: unknown) => onFault(fault, effect)).finally(() => running.delete(tracked))
        running.add(tracked)
      } catch (fault) {
        onFault(fault, effect)
      }
    },
    async idle() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}

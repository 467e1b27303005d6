// machine.ts — What a machine is: a pure function from state and event to state and effects. No behaviour lives here.

/** What a machine decided: what it is now, and what must be done. */
export interface Step<State, Effect> {
  readonly state: State
  readonly effects: readonly Effect[]
}

/** Given what it is, what happened and when: what it becomes. Pure: no clock, no I/O, no randomness of its own. */
export type Advance<State, Event, Effect> = (state: State, event: Event, now: Date) => Step<State, Effect>

/** One handler for each kind of effect; leave one out and it does not compile. */
export type EffectHandlers<Effect extends { type: string }> = {
  [T in Effect['type']]: (effect: Extract<Effect, { type: T }>) => void | Promise<void>
}

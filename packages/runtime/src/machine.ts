// machine.ts — The types of a machine: a pure function from state and event to the next state and effects.

/** The result of one event: the next state, and the effects to carry out. */
export interface Step<State, Effect> {
  readonly state: State
  readonly effects: readonly Effect[]
}

/** Handles one event at the time `now`. Pure: it uses no clock, no I/O and no randomness. */
export type Advance<State, Event, Effect> = (state: State, event: Event, now: Date) => Step<State, Effect>

/** One handler for each type of effect; a missing one does not compile. */
export type EffectHandlers<Effect extends { type: string }> = {
  [T in Effect['type']]: (effect: Extract<Effect, { type: T }>) => void | Promise<void>
}

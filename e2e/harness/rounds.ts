// rounds.ts — How often a fault is injected: a bounded number in every test run, the full one in `npm run test:faults`.

/** Whether the tests run at full size. */
export const atFullSize = process.env['KAGAMI_FAULTS'] === 'full'

/** A number of rounds. */
export function rounds(bounded: number, full: number): number {
  return atFullSize ? full : bounded
}

declare module 'vitest' {
  interface TaskMeta {
    /** What was counted, for the scoreboard: "200 kills, 0 lost". */
    figure?: string
  }
}

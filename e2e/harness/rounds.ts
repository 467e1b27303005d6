// rounds.ts — How often a fault is injected: a small number in every test run, the full one in `npm run test:faults`.

/** True in `npm run test:faults`. */
export const atFullSize = process.env['KAGAMI_FAULTS'] === 'full'

/** `full` at full size, otherwise `bounded`. */
export function rounds(bounded: number, full: number): number {
  return atFullSize ? full : bounded
}

declare module 'vitest' {
  interface TaskMeta {
    /** What was counted, for the scoreboard: "200 kills, 0 lost". */
    figure?: string
  }
}

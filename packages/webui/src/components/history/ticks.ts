// ticks.ts — Where an axis has its marks: at round numbers of bytes or of time. Pure.

/** The most steps between the marks of an axis. */
const STEPS_MAX = 4

/** Steps of an axis of bytes: they stay round when the unit changes. */
export const byteSteps: readonly number[] = Array.from({ length: 60 }, (_, power) => 2 ** power)

const MINUTE = 60
const HOUR = 3600
/** Steps of an axis of durations, ms. */
export const durationSteps: readonly number[] = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 120, 240, 720, 2400].map((hours) => hours * HOUR),
].map((seconds) => seconds * 1000)

/**
 * The marks of an axis that shows everything between two values. Steps are at least a hundredth of the larger one, so
 * that three digits tell two marks apart.
 */
export function ticksOf(low: number, high: number, steps: readonly number[]): number[] {
  const least = Math.max((high - low) / STEPS_MAX, high / 100)
  const step = steps.find((one) => one >= least) ?? least
  const first = Math.floor(low / step)
  const last = Math.max(first + 1, Math.ceil(high / step))
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
}

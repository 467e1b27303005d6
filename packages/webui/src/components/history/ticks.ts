// ticks.ts — Where an axis has its marks: at round numbers of bytes or of time. Pure.

/** The most steps between the marks of an axis. */
const STEPS_MAX = 4

/** Steps of an axis of bytes: they stay round when the unit changes. */
export const byteSteps: readonly number[] = Array.from({ length: 60 }, (_, power) => 2 ** power)

const MILLISECONDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000]
const MINUTES = [1, 2, 5, 10, 15, 30]
const HOURS = [1, 2, 3, 6, 12, 24, 48, 120, 240, 720, 2400]
/** Steps of an axis of durations, ms. */
export const durationSteps: readonly number[] = [
  ...MILLISECONDS,
  ...MINUTES.map((minutes) => minutes * 60_000),
  ...HOURS.map((hours) => hours * 3_600_000),
]

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

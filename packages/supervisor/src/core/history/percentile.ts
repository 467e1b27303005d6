// percentile.ts — Percentiles of numbers. Pure.

/** Numbers in their order, the smallest first. */
export const sortNumbers = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)

/** The smallest of sorted numbers that this share of them does not exceed: one of them, none between two. */
export const percentile = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.ceil(sorted.length * share) - 1] ?? null

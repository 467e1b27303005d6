// forecast.ts — When a disk is full: the Theil–Sen slope of what was used over the last 14 days, with a band of how
// fast it grew at other times. Pure.
import {
  FORECAST_DAYS_MIN,
  FULL_SOON_DAYS,
  NEARLY_FULL_SHARE,
  DISK_PART_MS,
  roomOf,
  usedShare,
  type DiskForecast,
  type Storage,
} from '@kagami/protocol'
import type { DiskSample } from '../../store/store.ts'
import { percentile, sortNumbers } from '../history/percentile.ts'

const DAY_MS = 86_400_000
/** What is later is as good as never, days. */
const DAYS_MAX = 36_500

/** How fast the used bytes of a disk grow. */
export interface Growth {
  /** How many days were measured. */
  readonly knownDays: number
  /** Bytes a day, of all pairs of samples: the tenth, the half and nine tenths of them are no faster. Null: too few. */
  readonly rates: { readonly slow: number; readonly median: number; readonly fast: number } | null
}

/** The growth in samples of at most 14 days, the oldest first, no two of one part of 6 hours. */
export function growthOf(samples: readonly Pick<DiskSample, 'used_bytes' | 'measured_at'>[]): Growth {
  const spanMs = samples.length === 0 ? 0 : samples.at(-1)!.measured_at - samples[0]!.measured_at
  // A gap is not measured, whatever lies at its ends.
  const knownDays = Math.floor(Math.min(samples.length * DISK_PART_MS, spanMs) / DAY_MS)
  if (knownDays < FORECAST_DAYS_MIN) return { knownDays, rates: null }
  const slopes = sortNumbers(slopesOf(samples))
  return {
    knownDays,
    rates: {
      slow: percentile(slopes, 0.1)!,
      median: percentile(slopes, 0.5)!,
      fast: percentile(slopes, 0.9)!,
    },
  }
}

/** Bytes a day between each two samples. */
function slopesOf(samples: readonly Pick<DiskSample, 'used_bytes' | 'measured_at'>[]): number[] {
  const slopes: number[] = []
  for (const [index, earlier] of samples.entries())
    for (const later of samples.slice(index + 1))
      slopes.push(((later.used_bytes - earlier.used_bytes) / (later.measured_at - earlier.measured_at)) * DAY_MS)
  return slopes
}

/** When a disk is full that grows so, and is now so full. */
export function forecastOf({ knownDays, rates }: Growth, now: Storage): DiskForecast {
  const known = { known_days: knownDays, needed_days: FORECAST_DAYS_MIN }
  const none = { days: null, from_days: null, to_days: null }
  if (!rates) return { verdict: 'not_enough_data', ...none, bytes_per_day: null, ...known }
  const bytes_per_day = Math.round(rates.median)
  const days = daysUntilFull(rates.median, now)
  if (days === null) return { verdict: 'not_growing', ...none, bytes_per_day, ...known }
  const [from_days, to_days] = [daysUntilFull(rates.fast, now), daysUntilFull(rates.slow, now)]
  return { verdict: 'full', days, from_days, to_days, bytes_per_day, ...known }
}

/** Whole days; null: never. */
function daysUntilFull(bytesPerDay: number, now: Storage): number | null {
  if (bytesPerDay <= 0) return null
  const days = Math.floor(roomOf(now) / bytesPerDay)
  return days > DAYS_MAX ? null : days
}

/** Whether a disk needs attention before it is full. */
export function isFullSoon({ days }: DiskForecast, now: Storage): boolean {
  return (days !== null && days < FULL_SOON_DAYS) || usedShare(now) > NEARLY_FULL_SHARE
}

// typed.ts — What is typed in the form of a replica, and what of it means. Pure.
import type { Schedule } from '@kagami/protocol'
import { linesOf, textOf } from '../replicas/optionFields.ts'

/** Seconds in each unit of the interval. */
export const UNITS = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 } as const

export interface Typed {
  upstream: string
  kind: string
  name: string
  worker: string
  schedule: 'every' | 'cron' | 'manual'
  amount: string
  unit: keyof typeof UNITS
  labels: string
  /** `keep`: the credentials that it has. */
  auth: 'none' | 'basic' | 'token' | 'keep'
  user: string
  password: string
  token: string
  /** By key. `cron` counts only with the schedule of that name. */
  options: Record<string, string>
}

/** A form in which only the worker is chosen. */
export function emptyForm(worker: string): Typed {
  return {
    upstream: '',
    kind: '',
    name: '',
    worker,
    schedule: 'every',
    amount: '6',
    unit: 'hours',
    labels: '',
    auth: 'none',
    user: '',
    password: '',
    token: '',
    options: {},
  }
}

/** The interval that was typed, seconds; 0: there is none. */
export function secondsOf({ schedule, amount, unit }: Pick<Typed, 'schedule' | 'amount' | 'unit'>): number {
  return schedule === 'every' ? Number(amount) * UNITS[unit] : 0
}

/** The options that were typed, without a cron schedule that another schedule takes the place of. */
export function optionsTyped({ schedule, options }: Pick<Typed, 'schedule' | 'options'>): Typed['options'] {
  return schedule === 'cron' ? options : { ...options, cron: '' }
}

/** When syncs are scheduled, as it was typed. */
export function timingOf(typed: Pick<Typed, 'schedule' | 'options' | 'amount' | 'unit'>): Schedule {
  const { cron = '', timezone = '', windows = '' } = optionsTyped(typed)
  return {
    cron: cron.trim(),
    timezone: timezone.trim() || 'UTC',
    windows: linesOf(windows),
    intervalSeconds: secondsOf(typed),
  }
}

/** Options as they are typed. */
export function textsOf(options: Readonly<Record<string, unknown>>): Typed['options'] {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, textOf(value)]))
}

/** An interval in the largest unit of which it is a whole number. */
export function intervalOf(seconds: number): Pick<Typed, 'amount' | 'unit'> {
  const units = Object.keys(UNITS) as (keyof typeof UNITS)[]
  const unit = units.findLast((one) => seconds % UNITS[one] === 0) ?? 'seconds'
  return { amount: String(seconds / UNITS[unit]), unit }
}

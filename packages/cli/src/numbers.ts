// numbers.ts — Numbers and times given as options. What is none ends the command with exit code 2.
import { ConfigError } from '@kagami/runtime/config'

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** A whole number. Throws ConfigError. */
export function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new ConfigError(`${option}: must be a whole number, not "${text}"`)
  return Number(text)
}

/** Seconds, with or without a decimal. Throws ConfigError. */
export function seconds(option: string, text: string): number {
  if (!/^\d{1,9}(\.\d+)?$/.test(text)) throw new ConfigError(`${option}: must be a number of seconds, not "${text}"`)
  return Number(text)
}

/** `30m`, `24h`, `7d`, or a whole number of seconds, as seconds. Throws ConfigError. */
export function lengthOfTime(option: string, text: string): number {
  const match = /^(\d{1,9})([smhd])?$/.exec(text.trim())
  if (!match) throw new ConfigError(`${option}: must be a time such as 30m, 24h or 7d, not "${text}"`)
  return Number(match[1]) * UNITS[(match[2] ?? 's') as keyof typeof UNITS]
}

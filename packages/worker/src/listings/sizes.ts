// sizes.ts — The ways in which servers print sizes. A number without a unit is exact, everything else is rounded.

const PREFIXES = ['', 'K', 'M', 'G', 'T', 'P', 'E']

/** A size that was read, bytes. */
export interface Size {
  readonly size: number
  readonly exact: boolean
}

/** A number of bytes: `8192`. */
export function readBytes(text: string): Size | null {
  return /^\d{1,15}$/.test(text) ? { size: Number(text), exact: true } : null
}

/** `8,192 bytes`, with the separators of thousands of any language. */
export function readGroupedBytes(text: string): Size | null {
  const [, digits] = /^(\d{1,3}(?:[,. '’]\d{3})*|\d{1,15}) bytes?$/.exec(text) ?? []
  return digits === undefined ? null : readBytes(digits.replace(/\D/g, ''))
}

/** Digits alone, or a rounded number with a unit: `8.0K`, `11M`, `1.2 KiB`. `thousand`: what K stands for. */
export function readScaled(text: string, thousand = 1024): Size | null {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d+)?) ?([KMGTPE]?)(?:i?B)?$/i.exec(text) ?? []
  if (digits === undefined) return null
  if (unit === '') return digits.includes('.') ? null : readBytes(digits)
  return { size: Math.round(Number(digits) * thousand ** PREFIXES.indexOf(unit.toUpperCase())), exact: false }
}

// palette.test.ts — The colour of every state is readable on its background and unlike the others, in both themes.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync(new URL('./styles/tokens.css', import.meta.url), 'utf8')

function tokens(theme: string): Record<string, string> {
  const block = css.split(`[data-theme='${theme}'] {`)[1]?.split('}')[0] ?? ''
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]))
}

/** Linear red, green and blue. */
function channels(hex: string): number[] {
  return [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = channels(hex)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

/** How colours look to who sees no red, and to who sees no green, in linear RGB: Machado, Oliveira, Fernandes 2009. */
const SIGHTS = {
  all: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
}

/** CIE L*a*b* of a colour as it is seen. */
function labOf(hex: string, sight: readonly number[]): number[] {
  const linear = channels(hex)
  const seen = [0, 3, 6].map((row) => linear.reduce((sum, value, at) => sum + value * sight[row + at]!, 0))
  const [red = 0, green = 0, blue = 0] = seen.map((value) => Math.min(1, Math.max(0, value)))
  const [x = 0, y = 0, z = 0] = [
    (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
    0.2126 * red + 0.7152 * green + 0.0722 * blue,
    (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
  ].map((value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116))
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

/** How far two colours are apart, CIE76. */
const distance = (one: string, other: string, sight: readonly number[]): number => {
  const [a, b] = [labOf(one, sight), labOf(other, sight)]
  return Math.hypot(...a.map((value, at) => value - b[at]!))
}

const STATES = ['fresh', 'late', 'stale', 'failed', 'syncing', 'queued']
const WORDS = ['fresh', 'late', 'stale', 'failed', 'syncing', 'queued', 'quiet', 'text', 'muted', 'accent']

describe.each(['light', 'dark'])('%s theme', (theme) => {
  const all = tokens(theme)
  it.each(WORDS)('%s reads at 4.5 or more on panel, page and dialog', (word) => {
    for (const ground of ['panel', 'bg', 'raised']) {
      expect(
        Math.round(contrast(all[word] ?? '', all[ground] ?? '') * 10) / 10,
        `${word} on ${ground}`,
      ).toBeGreaterThanOrEqual(4.5)
    }
  })
  it.each(Object.entries(SIGHTS))('states are told apart by who sees %s', (_who, sight) => {
    for (const [index, one] of STATES.entries())
      for (const other of STATES.slice(index + 1))
        expect(distance(all[one] ?? '', all[other] ?? '', sight), `${one} ${other}`).toBeGreaterThanOrEqual(20)
  })
  it('fields have an edge of 3 or more', () =>
    expect(contrast(all['field'] ?? '', all['panel'] ?? '')).toBeGreaterThanOrEqual(3))
  it('filled buttons can be read', () => {
    expect(contrast(all['on-accent'] ?? '', all['accent-fill'] ?? '')).toBeGreaterThanOrEqual(4.5)
    expect(contrast(all['on-danger'] ?? '', all['danger-fill'] ?? '')).toBeGreaterThanOrEqual(4.5)
    expect(contrast(all['text'] ?? '', all['mark'] ?? '')).toBeGreaterThanOrEqual(4.5)
  })
})

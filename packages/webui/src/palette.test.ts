// palette.test.ts — The colour of every state is readable on its background, in both themes.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync(new URL('./styles/tokens.css', import.meta.url), 'utf8')

function tokens(theme: string): Record<string, string> {
  const block = css.split(`[data-theme='${theme}'] {`)[1]?.split('}')[0] ?? ''
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]))
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

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
  it('fields have an edge of 3 or more', () =>
    expect(contrast(all['field'] ?? '', all['panel'] ?? '')).toBeGreaterThanOrEqual(3))
  it('filled buttons can be read', () => {
    expect(contrast(all['on-accent'] ?? '', all['accent-fill'] ?? '')).toBeGreaterThanOrEqual(4.5)
    expect(contrast(all['on-danger'] ?? '', all['danger-fill'] ?? '')).toBeGreaterThanOrEqual(4.5)
    expect(contrast(all['text'] ?? '', all['mark'] ?? '')).toBeGreaterThanOrEqual(4.5)
  })
})

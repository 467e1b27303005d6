// browser.ts — A real Chromium, driven as a person would, with every page error noticed.
import axe from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { inject } from 'vitest'
import type { Place } from './place.ts'
import { PATIENCE_MS } from './wait.ts'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Tab {
  readonly page: Page
  /** Errors the page threw or logged, and requests that left its own origin. */
  readonly troubles: string[]
  /** What axe finds wrong on the page now, as lines. */
  axe(): Promise<string[]>
}

/** A browser for the tests of one file. */
export async function aBrowser(place: Place): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: inject('tools').chromium, args: FLAGS })
  place.also(() => browser.close())
  return browser
}

/** A fresh tab: no cookies, no storage. */
export async function aTab(
  browser: Browser,
  origin: string,
  look: { theme?: 'light' | 'dark'; width?: number } = {},
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: 800 },
    colorScheme: look.theme ?? 'light',
    baseURL: origin,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const troubles: string[] = []
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`))
  page.on('console', (message) => {
    // A refused connection is what some tests bring about on purpose; the page says it in its own words.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      troubles.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      troubles.push(`left its origin: ${request.url()}`)
  })
  return {
    page,
    troubles,
    async axe() {
      await page.evaluate(axe.source)
      const { violations } = await page.evaluate(() =>
        (
          window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
        ).axe.run(),
      )
      return violations.map(
        (violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`,
      )
    },
  }
}

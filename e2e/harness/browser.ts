// browser.ts — A real Chromium. Every error of a page is recorded.
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
  /** Errors that the page threw or logged, and requests to other origins. */
  readonly problems: string[]
  /** The accessibility problems that axe finds on the page now, as lines. */
  axe(): Promise<string[]>
}

/** Starts a browser for the tests of one file. */
export async function openBrowser(place: Place): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: inject('tools').chromium, args: FLAGS })
  place.onEnd(() => browser.close())
  return browser
}

/** Opens a tab without cookies and storage. */
export async function openTab(
  browser: Browser,
  origin: string,
  look: { theme?: 'light' | 'dark'; width?: number; locale?: string; zone?: string } = {},
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: 800 },
    colorScheme: look.theme ?? 'light',
    locale: look.locale ?? 'en-US',
    ...(look.zone ? { timezoneId: look.zone } : {}),
    baseURL: origin,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`))
  page.on('console', (message) => {
    // Some tests refuse connections on purpose; the page then shows its own message.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      problems.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      problems.push(`left its origin: ${request.url()}`)
  })
  return {
    page,
    problems,
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

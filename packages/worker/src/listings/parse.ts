// parse.ts — Reads a directory listing of a web server, whatever it is written in. Pure: bytes in, entries out; it
// trusts no name, and no number that the server is not known to print.
import { parseHtml } from './html.ts'
import { parseJson } from './json.ts'
import type { Listing, Page, Problem } from './listing.ts'
import { parseS3 } from './s3.ts'

/** What a page lists; null when nothing in it looks like a listing. */
export function parseListing(page: Page): Listing | Problem | null {
  if (/json/i.test(page.contentType)) return parseJson(page.bytes)
  if (/html/i.test(page.contentType)) return parseHtml(page)
  return /xml/i.test(page.contentType) ? parseS3(page) : null
}

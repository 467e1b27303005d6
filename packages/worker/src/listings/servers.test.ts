// servers.test.ts — The listings of real servers: what they answer is read as the pages that are made for tests are.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseListing } from './parse.ts'
import { nameOfBytes, pathBytes } from '../names.ts'
import { listingPages } from '../testing/listings/listing-pages.ts'
import { recipes, startWebServer } from '../testing/web-servers.ts'

const AT = Date.UTC(2026, 0, 5, 12, 34, 56)
const SIZES: Readonly<Record<string, number>> = {
  'a &.bin': 8192,
  'big.iso': 1_234_567,
  [nameOfBytes(Buffer.from('caf\xe9.txt', 'latin1'))]: 1,
  'empty.txt': 0,
  [`it's <b>"q".txt`]: 2,
  'q?x=1#h%20;a:b+c': 300,
  '100%': 12,
  '日本.txt': 5000,
  [`${'long-name-'.repeat(20)}.tar.gz`]: 77,
  '2026-01-05 10:11 77': 42,
}
const FOLDERS = ['empty', 'sub dir']

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-listings-'))
  execFileSync('chmod', ['755', dir])
  for (const name of FOLDERS) mkdirSync(join(dir, 'pub', name), { recursive: true })
  for (const [name, size] of Object.entries(SIZES)) {
    const path = pathBytes(join(dir, 'pub', name))
    writeFileSync(path, Buffer.alloc(size))
    utimesSync(path, AT / 1000, AT / 1000)
  }
})
afterAll(() => rmSync(dir, { recursive: true }))

const kinds = Object.keys(recipes) as (keyof typeof recipes)[]
const cases = [...kinds.map((kind) => [kind, kind] as const), ['Caddy', 'Caddy as JSON'] as const]

it.each(cases)('what %s lists is read as %s', async (kind, form) => {
  const server = await startWebServer(kind, { root: dir, state: join(dir, `state of ${form}`.replaceAll(/\W/g, '-')) })
  try {
    const accept = form === 'Caddy' ? 'text/html' : 'application/json, text/html;q=0.9'
    const url = new URL(`${server.url}/pub/`)
    const response = await fetch(url, { headers: { accept } })
    const listing = parseListing({
      bytes: Buffer.from(await response.arrayBuffer()),
      contentType: response.headers.get('content-type') ?? '',
      url,
      server: response.headers.get('server'),
      lenient: false,
    })
    const maker = listingPages[form]
    expect(listing).toMatchObject({ format: maker.format, refused: [], incomplete: null, next: null })
    if (listing === null || !('entries' in listing)) return
    const files = listing.entries.filter(({ directory }) => !directory)
    expect(
      listing.entries
        .filter(({ directory }) => directory)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(FOLDERS)
    expect(files.map(({ name }) => name).sort()).toEqual(Object.keys(SIZES).sort())
    for (const { name, raw, size, exact, time, grain } of files) {
      if (maker.sizes === 'exact') expect([name, size, exact]).toEqual([name, SIZES[name], true])
      if (exact) expect([name, size]).toEqual([name, SIZES[name]])
      expect(time === null).toBe(maker.grain === 0)
      // Some print local time, which is whole quarters of an hour from UTC.
      if (time !== null) expect([name, (time - Math.floor(AT / grain) * grain) % 900_000]).toEqual([name, 0])
      const file = await fetch(`${url.href}${raw}`)
      expect([name, (await file.arrayBuffer()).byteLength]).toEqual([name, SIZES[name]])
    }
  } finally {
    await server.stop()
  }
})

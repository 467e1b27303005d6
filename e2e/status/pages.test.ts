// pages.test.ts — The status page of a real supervisor with a real worker, and one that says hostile things.
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { HOSTILE_NAMES, SECRET, startStatusFleet, writeTheme, type StatusFleet } from '../harness/status-fleet.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

const NOTICE = 'Maintenance on <b>Friday</b>\nat 10:00'

describe('the status page', () => {
  const theme = writeTheme(createPlace())
  const place = createPlace()
  let fleet: StatusFleet
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(fleet.supervisor.url + path, { headers, method, redirect: 'manual' })
  const read = async (path: string, headers: Record<string, string> = {}) => await (await ask(path, headers)).text()
  /** A text of a browser for text. */
  const dump = (path: string) =>
    execFileSync('w3m', ['-dump', '-cols', '300', '-O', 'UTF-8', fleet.supervisor.url + path], { encoding: 'utf8' })
  const pathOf = (name: string) => `/status/${encodeURIComponent(name)}/`

  beforeAll(async () => {
    fleet = await startStatusFleet(place, {
      SUPERVISOR_STATUS_TITLE: 'Mirrors <of> Example',
      SUPERVISOR_STATUS_NOTICE: NOTICE,
      SUPERVISOR_STATUS_FILES_URL: 'https://mirror.example.org/pub/',
      SUPERVISOR_STATUS_DIR: theme,
    })
  })

  test('is read without style, pictures and JavaScript', () => {
    const text = dump('/status/')
    expect(text).toContain('Mirrors <of> Example')
    expect(text).toMatch(/2 of 13 mirrors up to date; checked \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/)
    expect(text).toContain('Maintenance on <b>Friday</b>')
    expect(text).toMatch(/State +Mirror +Last success +Content as of +Next sync +Size +Help/)
    const row = (name: string) => text.split('\n').find((line) => line.split(/ {2,}| (?=\w)/).includes(name)) ?? text
    expect(row('debian')).toMatch(
      /✓ Up to date +debian +\d+ (second|minute)s? ago .*in (1 day|2\d hours).*391 KiB +Help/,
    )
    expect(row('late')).toMatch(/◐ Late +late +2 hours ago .* due now +— +Help/)
    expect(row('stale')).toMatch(/▲ Stale +stale +2 days ago/)
    expect(row('queued')).toMatch(/↻ Syncing +queued +30 minutes ago .* queued 3rd/)
    expect(row('own-help')).toMatch(/○ New +own-help +— +— +— +— +Help/)
    expect(text).toContain('By the university')
    expect(text).toContain('Write to mirrors@example.org')
  })

  test('of a mirror says how it is used', () => {
    const text = dump('/status/debian/')
    for (const part of ['✓ Up to date.', '391 KiB', 'rsync://127.0.0.1', 'https://mirror.example.org/pub/debian/'])
      expect(text).toContain(part)
    expect(text).toMatch(/Copies\s+2/)
    expect(text).toContain('/etc/apt/sources.list.d/debian.sources')
    expect(text).toContain('URIs: https://mirror.example.org/pub/debian/\nSuites: trixie trixie-updates\n')
  })

  test('shows nothing that is internal, on any page', async () => {
    const list = await read('/status/')
    const paths = ['/status/', '/status/?show=problems', '/status/?q=a', '/status/?lang=zh-CN', '/status/style.css']
    for (const name of ['debian', 'late', 'own-help', ...HOSTILE_NAMES]) paths.push(pathOf(name))
    for (const path of paths) {
      const answer = await ask(path)
      expect([path, answer.status]).toEqual([path, 200])
      const text = (await answer.text()) + JSON.stringify([...answer.headers])
      expect(text.includes(SECRET), path).toBe(false)
      expect(text.includes(fleet.place.dir), path).toBe(false)
    }
    expect(list).not.toContain('auth_rejected')
    const rejected = await ask(`/status/${SECRET}-rejected/`)
    expect(rejected.status).toBe(404)
    expect((await ask('/status/never-there')).status).toBe(404)
  })

  test('has hostile names as text, and links to their pages', async () => {
    const list = await read('/status/')
    expect(list).not.toMatch(/<(?:script|img src=x)/)
    expect(list).not.toContain('\u202e')
    expect(list).toContain('<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>')
    expect(list).toContain('<bdi>\\u202edlrow\\u202c</bdi>')
    const links = [...list.matchAll(/<a href="(\/status\/[^"?]+\/)"/g)].map(([, path]) => path!)
    expect(links).toHaveLength(13)
    for (const path of links) expect((await ask(path)).status, path).toBe(200)
  })

  test('is searched and filtered with a form', async () => {
    const names = (text: string) => [...text.matchAll(/<bdi>([^<]*)<\/bdi>/g)].map(([, name]) => name)
    expect(names(await read('/status/?q=DEB'))).toEqual(['debian'])
    expect(names(await read('/status/?show=new'))).toEqual(['own-help'])
    expect(names(await read('/status/?show=problems&q=l'))).toContain('late')
    expect(names(await read('/status/?show=problems'))).not.toContain('debian')
    const none = await read('/status/?q=%22%3E%3Cscript%3E&q=x')
    expect(none).toContain('No mirror matches.')
    expect(none).toContain('value="&quot;&gt;&lt;script&gt;"')
    expect((await read('/status/?page=99999999999999999999&show=x&lang=x')).match(/<tr>/g)).toHaveLength(14)
  })

  test('speaks the language of its reader, and goes on in the one that was chosen', async () => {
    const chinese = await read('/status/', { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' })
    expect(chinese).toContain('<html lang="zh-CN">')
    expect(chinese).toMatch(/13 个镜像中有 2 个为最新；检查时间 <time/)
    expect(chinese).not.toContain('lang=zh-CN"')
    const chosen = await read('/status/debian/?lang=zh-CN', { 'accept-language': 'en' })
    expect(chosen).toContain('<html lang="zh-CN">')
    expect(chosen).toContain('href="/status/?lang=zh-CN"')
    expect(chosen).toContain('href="/status/debian/?lang=en"')
    expect((await ask('/status/')).headers.get('vary')).toMatch(/accept-language/)
  })

  test.each(['/status/', '/status/debian/', '/status/style.css', '/status/logo'])(
    '%s is not sent again to who has it',
    async (path) => {
      const first = await ask(path, { 'accept-encoding': 'br' })
      expect(first.headers.get('cache-control')).toBe('public, max-age=10, stale-if-error=86400')
      const etag = first.headers.get('etag')!
      expect(etag).toMatch(/^"[\w-]+"$/)
      for (const known of [etag, `"x", W/${etag}`, '*']) {
        // After ten seconds the page is another one.
        const answer = await until('the page is the one we have', async () => {
          const again = await ask(path, { 'accept-encoding': 'br' })
          const tag = again.headers.get('etag')!
          const asked = await ask(path, { 'accept-encoding': 'br', 'if-none-match': known.replace(etag, tag) })
          return asked.status === 304 && asked
        })
        expect(await answer.text()).toBe('')
        expect(answer.headers.get('etag')).toMatch(/^"[\w-]+"$/)
      }
      expect((await ask(path, { 'if-none-match': '"x"' })).status).toBe(200)
      const head = await ask(path, {}, 'HEAD')
      expect([head.status, await head.text()]).toEqual([200, ''])
      expect((await ask(path, {}, 'POST')).status).toBe(405)
    },
  )

  test('has another tag for each encoding, which no cache may take for another', async () => {
    const [packed, plain] = await until('both are of the same ten seconds', async () => {
      const both = await Promise.all(['br', 'identity'].map((word) => ask('/status/', { 'accept-encoding': word })))
      const [one, other] = await Promise.all(both.map((answer) => answer.text()))
      return one === other && both
    })
    expect(packed!.headers.get('content-encoding')).toBe('br')
    expect(packed!.headers.get('etag')).toBe(plain!.headers.get('etag')!.replace(/"$/, '-br"'))
  })

  test('lets nothing run', async () => {
    const policy = (await ask('/status/')).headers.get('content-security-policy')
    expect(policy).toMatch(/^default-src 'none'; style-src 'self'; img-src 'self' data:;/)
    expect(await read('/status/')).not.toContain('<script')
  })

  test('takes the look of the operator, also when it changes', async () => {
    expect(await read('/status/style.css')).toMatch(/--ground: #ffffff[^]*body \{ --own: 1 \}\n$/)
    expect(await read('/status/')).toContain('<img src="/status/logo" alt="">')
    const logo = await ask('/status/logo')
    expect([logo.headers.get('content-type'), await logo.text()]).toEqual([
      'image/svg+xml',
      expect.stringContaining('<svg'),
    ])
    const help = await read('/status/own-help/')
    expect(help).toContain('<p>Read the <i>manual</i></p>')
    expect(help).not.toContain('<pre')
    writeFileSync(`${theme}/header.html`, '<p>By the <b>city</b></p>')
    rmSync(`${theme}/logo.svg`)
    await until('the page has it', async () => (await read('/status/')).includes('By the <b>city</b>'))
    expect(await read('/status/?q=again')).not.toContain('<img')
    expect((await ask('/status/logo')).status).toBe(404)
  })

  test('sends who leaves out a slash where it is', async () => {
    const answer = await ask('/status')
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/status/'])
    expect((await ask('/status/debian')).status).toBe(200)
  })
})

describe('a supervisor whose operator says nothing of the files', () => {
  const place = createPlace()
  let fleet: StatusFleet
  beforeAll(async () => {
    fleet = await startStatusFleet(place, { SUPERVISOR_STATUS_DIR: '/nowhere/at/all' })
  })

  test('links to its own pages, and suggests the host that it is asked by', async () => {
    const { url } = fleet.supervisor
    expect(await (await fetch(`${url}/status/`)).text()).toContain('<a href="/status/debian/"><bdi>debian</bdi></a>')
    const page = await (await fetch(`${url}/status/debian/`)).text()
    expect(page).toContain('URIs: http://127.0.0.1/debian/\n')
    expect(page).not.toContain('<a href="http')
    expect(fleet.supervisor.output()).toContain('SUPERVISOR_STATUS_DIR /nowhere/at/all is no directory')
  })
})

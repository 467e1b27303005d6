// import.test.ts — Replicas of a configuration are added to a real worker by API and command line: what is new, what
// differs, what is the same and what cannot be; twice the same changes nothing, and secrets go nowhere.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiError } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'correct-horse-battery'
const TEXT = `
[[providers]]
name = "fresh"
kind = "rsync"
upstream = "rsync://127.0.0.1:1/fresh/"
interval_secs = 3600
options.exclude = ["*.iso"]
auth = { type = "basic", username = "bob", password = "${SECRET}" }
[[providers]]
name = "there"
kind = "rsync"
upstream = "rsync://127.0.0.1:1/there/"
interval_secs = 7200
[[providers]]
name = "declared"
kind = "http"
upstream = "http://127.0.0.1:1/other"
[[providers]]
name = "odd"
kind = "rsync"
upstream = "rsync://127.0.0.1:1/odd/"
options.two_stages = "debian"
[[providers]]
name = "FRESH"
kind = "rsync"
upstream = "rsync://127.0.0.1:1/fresh/"
`

describe('an import', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  const plan = (text: string) => supervisor.api.call('planImport', { params: { id: 'sh-12' }, body: { text } })
  const cli = (...words: string[]) =>
    runKagami(place, ['replicas', 'import', place.at('import.toml'), '--worker', 'sh-12', ...words], {
      KAGAMI_API: supervisor.url,
    })
  const get = (name: string) => supervisor.api.call('getReplica', { params: { id: `${name}@sh-12` } })

  beforeAll(async () => {
    writeFileSync(place.at('import.toml'), TEXT)
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_NAME: 'sh-12', KAGAMI_WORKER_ID: 'w' },
      providers: [{ name: 'declared', kind: 'http', upstream: 'http://127.0.0.1:1/file' }],
    })
    await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 1)
    const upstream = 'rsync://127.0.0.1:1/there/'
    const body = { name: 'there', kind: 'rsync', upstream, interval_secs: 3600, labels: { env: 'test' }, paused: true }
    await supervisor.api.call('addReplica', { params: { id: 'w' }, body })
  })

  test('is planned without changing anything, and no secret is answered', async () => {
    const { format, rows } = await plan(TEXT)
    expect(format).toBe('worker.toml')
    expect(rows.map(({ name, state, why }) => [name, state, why])).toEqual([
      ['fresh', 'new', null],
      ['there', 'changed', null],
      ['declared', 'unsupported', 'declared is declared in worker.toml, and can be changed only there'],
      ['odd', 'unsupported', 'kind rsync has no option "two_stages"'],
      ['FRESH', 'unsupported', 'the text declares another one of this name'],
    ])
    expect(rows[1]!.changes).toEqual([
      { field: 'interval_secs', from: 3600, to: 7200 },
      { field: 'labels.env', from: 'test', to: null },
    ])
    expect(JSON.stringify(rows)).not.toContain(SECRET)
    expect((await supervisor.api.call('listReplicas')).total).toBe(2)
  })

  test.each([
    ['no table', 'the text declares no replicas'],
    [`[[providers]]\nauth = "${SECRET}`, 'text, line 2, column'],
    ['[global]\nname = "w"', 'the text declares no replicas'],
  ])('of %j is refused, without repeating it', async (text, message) => {
    const error = await plan(text).then(
      () => null,
      (thrown: ApiError) => thrown,
    )
    expect([error?.code, error?.field]).toEqual(['invalid_request', 'text'])
    expect(text === 'no table' ? 'text, line 1' : message).not.toBe('')
    expect(`${error?.message} ${error?.hint}`).not.toContain(SECRET)
    expect(supervisor.output()).not.toContain(SECRET)
  })

  test('says of each replica what has no form that a replica may have', async () => {
    const table = '[[providers]]\nname = "x"\nkind = "git"\nupstream = "https://127.0.0.1/x.git"\n'
    for (const [line, why] of [
      ['interval_secs = 1.5', /^interval_secs/],
      ['labels.env = 5', /^labels/],
      ['upstream2 = "x"', null],
    ] as const) {
      const { rows } = await plan(`${table}${line}\n`)
      if (why === null) expect(rows[0]).toMatchObject({ state: 'new', notes: ['not taken over: upstream2'] })
      else expect([rows[0]!.state, rows[0]!.why]).toEqual(['unsupported', expect.stringMatching(why)])
    }
  })

  test('adds what is new, and edits what differs only when that is asked for', async () => {
    const dry = await cli('--dry-run')
    expect(dry.stdout).toMatch(/^STATE +NAME +KIND +UPSTREAM +WHAT\nnew +fresh +rsync +rsync:/)
    expect(dry.stdout).toContain('interval_secs: 3600 → 7200; labels.env: test → none')
    const first = await cli('--paused')
    expect(first.code).toBe(8)
    expect(first.stdout).toContain('Added fresh@sh-12\nthere@sh-12 is there and differs; with --update it is edited')
    expect(first.stderr).toContain('odd: kind rsync has no option "two_stages"')
    expect(first.stderr).toContain('note: its credentials are not taken over')
    expect(await get('fresh')).toMatchObject({ options: { exclude: ['*.iso'] }, has_credentials: false })
    expect((await get('there')).interval_secs).toBe(3600)
    const second = await cli('--update', '--only', 'there', 'fresh')
    expect([second.code, second.stdout]).toEqual([
      0,
      'fresh@sh-12 is so already\nEdited there@sh-12: interval_secs: 3600 → 7200; labels.env: test → none\n',
    ])
    expect(await get('there')).toMatchObject({ interval_secs: 7200, labels: {} })
    expect((await plan(TEXT)).rows.slice(0, 2).map(({ state }) => state)).toEqual(['same', 'same'])
  })

  test('of a tunasync configuration gives replicas that the worker can sync', async () => {
    const { format, rows } = await plan(
      '[global]\ninterval = 60\n[[mirrors]]\nname = "debian"\nprovider = "two-stage-rsync"\n' +
        'stage1_profile = "debian"\nupstream = "rsync://127.0.0.1:1/debian/"\n',
    )
    expect([format, rows[0]?.state]).toEqual(['tunasync', 'new'])
    const body = { ...rows[0]!.replica!, paused: true }
    await supervisor.api.call('addReplica', { params: { id: 'w' }, body })
    await until('the worker has it', async () => (await get('debian')).revision_no > 0)
  })

  test('of a folder of Yuki adds what the worker can sync, and names the rest with file and line', async () => {
    const folder = place.at('repos')
    mkdirSync(folder)
    const write = (name: string, ...lines: string[]) => writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
    const image = 'image: ustcmirror/rsync:latest'
    write(
      'alpine.yaml',
      'name: alpine',
      "cron: '15 */6 * * *'",
      image,
      'storageDir: /srv/alpine',
      'envs:',
      '  RSYNC_HOST: 127.0.0.1',
    )
    appendFileSync(join(folder, 'alpine.yaml'), `  RSYNC_PATH: alpine\n  RSYNC_PASSWORD: ${SECRET}\n`)
    write(
      'gits.yaml',
      'name: gits',
      "cron: '@every 1h'",
      'image: ustcmirror/gitsync',
      'envs: {GITSYNC_URL: https://127.0.0.1/g.git}',
    )
    write('pypi.yaml', 'name: pypi', "cron: '@daily'", 'image: ustcmirror/pypi')
    write('broken.yaml', 'name: broken', `envs: {RSYNC_PASSWORD: ${SECRET}`)
    write('never.yaml', 'name: never', "cron: '99 * * * *'", image, 'envs: {RSYNC_HOST: h, RSYNC_PATH: m}')
    write('notes.txt', 'no repository')
    const importFrom = (path: string, ...words: string[]) =>
      runKagami(place, ['replicas', 'import', path, '--worker', 'sh-12', ...words], { KAGAMI_API: supervisor.url })
    const importFolder = (...words: string[]) => importFrom(folder, ...words)
    const dry = await importFolder('--dry-run')
    expect(dry.stdout).toMatch(/new +alpine +rsync +rsync:\/\/127\.0\.0\.1\/alpine\/ +its cron is taken as UTC/)
    expect(dry.stdout).toMatch(/unsupported +broken\.yaml .*broken\.yaml, line 2: this line is indented/)
    expect(dry.stdout).toMatch(/unsupported +pypi .*pypi\.yaml, line 3: the image ustcmirror\/pypi is a program/)
    expect(dry.stdout).toMatch(/unsupported +never .*never\.yaml, line 1: options\.cron: "99 \* \* \* \*"/)
    const done = await importFolder('--paused')
    expect([done.code, done.stdout]).toEqual([8, 'Added alpine@sh-12\nAdded gits@sh-12\n'])
    expect(done.stderr).toContain('note: its credentials are not taken over')
    expect(await get('alpine')).toMatchObject({
      options: { cron: '15 */6 * * *', compress: false, extra_options: ['--hard-links', '--sparse'] },
      has_credentials: false,
    })
    expect(await get('gits')).toMatchObject({ kind: 'git', interval_secs: 3600 })
    await until('the worker has them', async () => (await get('gits')).revision_no > 0)
    const again = await importFolder('--only', 'alpine', 'gits')
    expect(again.stdout).toBe('alpine@sh-12 is so already\ngits@sh-12 is so already\n')
    for (const said of [dry, done, again]) expect(said.stdout + said.stderr).not.toContain(SECRET)
    expect(supervisor.output()).not.toContain(SECRET)
    expect((await importFrom(join(folder, 'pypi.yaml'))).stderr).toMatch(/^pypi: pypi\.yaml, line 3: /)
    const none = await importFrom(place.at())
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('has no file that ends in .yaml')])
    for (let at = 0; at < 20; at++) write(`large-${at}.yaml`, `# ${'x'.repeat(60_000)}`)
    const large = await importFolder()
    expect([large.code, large.stderr]).toEqual([2, expect.stringContaining('are too large together')])
  })

  test('of repositories of Yuki in one text, as the UI sends it', async () => {
    const one = (name: string) =>
      `name: ${name}\ncron: '@every 1h'\nimage: ustcmirror/rsync\nenvs: {RSYNC_HOST: h, RSYNC_PATH: m}\n`
    const { format, rows } = await plan(`# all of them\n${one('one')}---\n${one('two')}---\nname: [`)
    expect([format, ...rows.map(({ name, state }) => [name, state])]).toEqual([
      'yuki',
      ['one', 'new'],
      ['two', 'new'],
      ['text', 'unsupported'],
    ])
    expect(rows[2]!.why).toMatch(/^text, line 12: /)
  })

  test.each([{}, { text: 'x', files: [{ name: 'a', text: 'b' }] }])('of %j is refused', async (body) => {
    const asked = supervisor.api.call('planImport', { params: { id: 'sh-12' }, body })
    await expect(asked).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('either') })
  })
})

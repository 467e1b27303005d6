// edit-line.test.ts — "Change a replica" of docs/operations.md, by the command line.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { expect, test } from 'vitest'
import { followDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'correct-horse-battery-staple'
const place = createPlace()
/** Files with secrets, apart from those of the programs. */
const elsewhere = createPlace()

test('an edit by the command line: every field, with what it changed, and credentials in no output', async () => {
  writeFiles(place.at('up', 'files'), { a: 'a\n' })
  writeFiles(elsewhere.at('files'), { a: 'a\n' })
  const rsync = await startRsyncUpstream({ dir: place.at('up') })
  const closed = await startRsyncUpstream({ dir: elsewhere.dir, auth: { username: 'bob', password: SECRET } })
  for (const { stop } of [rsync, closed]) place.onEnd(stop)
  const { url: nats } = await startNats(place)
  const supervisor = await startSupervisor(place, { nats })
  const declared = { name: 'declared', kind: 'rsync', upstream: rsync.url }
  const worker = await startWorker(place, {
    nats,
    providers: [declared],
    env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1' },
  })
  const get = (name: string) => supervisor.api.call('getReplica', { params: { id: `${name}@sh-1` } })
  await until('it joined', async () => (await get('declared')).worker_presence === 'online')
  await supervisor.api.call('addReplica', {
    params: { id: 'w' },
    body: { name: 'line', kind: 'rsync', upstream: closed.url, options: { bwlimit_kbps: 100 }, labels: { old: 'x' } },
  })
  const to = { NAME: 'line', WORKER: 'sh-1' }
  const env = { KAGAMI_API: supervisor.url }
  const file = join(elsewhere.dir, 'password')
  writeFileSync(file, `${SECRET}\n`, { mode: 0o600 })
  const said = [
    await followDocumented(place, 'kagami replicas edit NAME@WORKER --interval 3600', { to, env }),
    await followDocumented(
      place,
      'kagami replicas edit NAME@WORKER --option max_delete_percent=40 --unset bwlimit_kbps',
      { to, env },
    ),
    await followDocumented(place, 'kagami replicas edit NAME@WORKER --username USER --password-file FILE', {
      to: { ...to, USER: 'bob', FILE: file },
      env,
    }),
  ]
  expect(said).toEqual([
    'Edited line@sh-1\n  interval_secs: only on request → 3600\n',
    'Edited line@sh-1\n  options.bwlimit_kbps: 100 → default\n  options.max_delete_percent: default → 40\n',
    'Edited line@sh-1\n  credentials: set\n',
  ])
  const cli = (...words: string[]) => runKagami(place, ['replicas', 'edit', 'line@sh-1', ...words], env)
  expect(await cli('--label', 'env=prod', '--remove-label', 'old', '--interval', '0')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('labels.old: x → none'),
  })
  await until('its worker has taken them', async () => !(await get('line')).edit_pending)
  expect(await get('line')).toMatchObject({
    interval_secs: null,
    labels: { env: 'prod' },
    options: { max_delete_percent: 40 },
    has_credentials: true,
  })
  await supervisor.api.call('syncReplica', { params: { id: 'line@sh-1' } })
  await until('it has synced', async () => (await get('line')).last_sync?.outcome === 'success')
  expect(await cli('--upstream', rsync.url)).toMatchObject({ code: 2, stderr: expect.stringContaining('--no-auth') })
  expect(await cli('--upstream', rsync.url, '--no-auth')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('credentials: removed'),
  })
  expect(await cli()).toMatchObject({ code: 2, stderr: expect.stringContaining('max_delete_percent') })
  expect(await cli('--name', 'other')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('kagami replicas rename line@sh-1 other'),
  })
  expect(await runKagami(place, ['replicas', 'edit', 'declared@sh-1', '--interval', '9'], env)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('Edit the provider declared in KAGAMI_PROVIDERS'),
  })
  const seen = JSON.stringify(await supervisor.api.call('audit', {})) + supervisor.output() + worker.output()
  expect(seen).not.toContain(SECRET)
})

// swap-served.test.ts — A copy published by swap behind the servers people use for mirrors: what each needs to follow
// the link.
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { startChild, stopChild, untilListening } from '@kagami/demo/child'
import { sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { startWebServer } from '../testing/web-servers.ts'

const SECOND = 'second one\n'

describe('a copy that is published by swap', () => {
  let sandbox: Sandbox
  let files: string
  const stops = sandboxForEach(async (fresh) => {
    sandbox = fresh
    for (const dir of [sandbox.dir, sandbox.dataDir]) execFileSync('chmod', ['755', dir])
    files = join(sandbox.dir, 'up', 'files')
    const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
    for (const text of ['first\n', SECOND]) {
      writeFiles(files, { 'sub/a.txt': text })
      expect(await sandbox.sync({ kind: 'rsync', upstream: upstream.url, options: { publish: 'swap' } })).toMatchObject(
        {
          outcome: 'success',
        },
      )
    }
    await upstream.stop()
  })

  it.each([
    ['nginx', '', 200],
    ['Caddy', '', 200],
    ['lighttpd', '', 200],
    ['Apache, plain', '', 200],
    ['Apache, plain', 'Options FollowSymLinks', 200],
    ['Apache, plain', 'Options SymLinksIfOwnerMatch', 200],
    ['Apache, plain', 'Options Indexes', 403],
  ] as const)('is served by %s with "%s": %i', async (kind, rules, status) => {
    const server = await startWebServer(kind, { root: sandbox.dataDir, state: join(sandbox.dir, 'state'), rules })
    stops.push(server.stop)
    const answer = await fetch(`${server.url}/copy/sub/a.txt`)
    expect([answer.status, status === 200 ? await answer.text() : SECOND]).toEqual([status, SECOND])
  })

  it.runIf(process.getuid?.() === 0).each([
    ['of its own', 'yes', ''],
    ['of its own', 'no', ''],
    ['of all of data_dir', 'yes', 'copy/'],
    ['of all of data_dir', 'no', 'copy/'],
  ] as const)('is served by rsyncd as a module %s, use chroot = %s, at "%s"', async (which, chroot, path) => {
    const port = await freePort()
    const config = join(sandbox.dir, 'rsyncd.conf')
    const served = which === 'of its own' ? sandbox.published : `${sandbox.dataDir}\nexclude = /.kagami /.generations`
    writeFileSync(
      config,
      `uid = 0\ngid = 0\nuse chroot = ${chroot}\nlog file = ${sandbox.dir}/rsyncd.log\n[mirror]\npath = ${served}\n`,
    )
    const child = startChild(
      'rsync',
      ['--daemon', '--no-detach', `--config=${config}`, '--address=127.0.0.1', `--port=${port}`],
      { noInput: true },
    )
    stops.push(() => stopChild(child))
    await untilListening(child, port)
    const into = join(sandbox.dir, 'into')
    const got = spawnSync('rsync', ['-a', `rsync://127.0.0.1:${port}/mirror/${path}`, `${into}/`], { encoding: 'utf8' })
    expect([got.status, got.stderr, readTree(into)]).toEqual([0, '', { 'sub/a.txt': SECOND }])
  })
})

// hostile.test.ts — Programs of an operator that misbehave, and people who want to run something else: nothing is left
// behind, nothing else is started, nothing secret is shown.
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { findMarked } from '../../programs/orphans.ts'
import { killAfter, sandboxForEach } from '../../testing/kills.ts'
import { PATIENCE } from '../../testing/patience.ts'
import { mentions, readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'
import { prepareWorkspace } from '../../tree/workspace.ts'
import { commandsOf, scriptCommand, writeScript } from '../../testing/worker-toml.ts'

let sandbox: Sandbox
sandboxForEach((fresh) => (sandbox = fresh))

const UPSTREAM = 'https://127.0.0.1/pub/'
const call = (script: string, more: object = {}): SyncCall => ({
  kind: 'command',
  upstream: UPSTREAM,
  options: { command: 'script' },
  commands: scriptCommand(join(sandbox.dir, 'script.sh'), script, more),
})
const leftOver = () => findMarked(`${sandbox.dataDir}:`)
const expectNothingLeft = () => {
  expect(leftOver()).toEqual([])
  expect(readdirSync(join(sandbox.dataDir, '.kagami', 'scratch'))).toEqual([])
}

describe('a program that misbehaves', () => {
  it('and ends while what it started lives, leaves none of it', async () => {
    const report = await sandbox.sync(
      call(
        'echo x > file; sleep 1000 & setsid sleep 1000 & (setsid nohup sleep 1000 >/dev/null 2>&1 </dev/null &); exit',
      ),
    )
    expect(report).toMatchObject({ outcome: 'success' })
    expectNothingLeft()
  })

  it('and makes a daemon of itself, is ended with its sync', async () => {
    const daemon = 'echo x > file; setsid bash -c "cd /; (exec 0<&- 1>&- 2>&-; setsid sleep 1000) & sleep 1000" &'
    expect(await sandbox.sync(call(daemon))).toMatchObject({ outcome: 'success' })
    expectNothingLeft()
  })

  it('and ignores what asks it to end, is ended when its sync is cancelled', async () => {
    const stop = new AbortController()
    const report = await sandbox.sync({
      ...call('trap "" TERM INT HUP; echo x > file; echo ready; while true; do sleep 1; done'),
      signal: stop.signal,
      onProgress: ({ line }) => line === 'ready' && stop.abort('cancelled'),
    })
    expect(report).toMatchObject({ outcome: 'cancelled' })
    expect(existsSync(sandbox.published)).toBe(false)
    expectNothingLeft()
  }, 20_000)

  it('and forks without end, is ended when it takes too long', async () => {
    const report = await sandbox.sync({
      ...call('echo x > file; for n in $(seq 200); do (setsid sleep 1000 &); done; wait; sleep 1000'),
      timeoutSeconds: 1,
    })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'timed_out' })
    expectNothingLeft()
  })

  it('and floods its output, fills neither the log nor the memory', async () => {
    const before = process.memoryUsage().rss
    const report = await sandbox.sync(
      call('echo x > file; yes "a line that says nothing" | head -c 60000000; echo the end'),
    )
    expect(report).toMatchObject({ outcome: 'success' })
    const log = sandbox.log(report)
    expect(log.length).toBeLessThan(5 * 1024 * 1024)
    expect(log).toContain('the end')
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 ** 2)
  }, 60_000)

  it('and does nothing for too long, is stopped; one that prints, or writes files, goes on', async () => {
    const options = { command: 'script', stall_secs: 1 }
    const silent = await sandbox.sync({ ...call('echo x > file; sleep 1000'), options })
    expect(silent).toMatchObject({ outcome: 'failed', reason: 'stalled' })
    const alive = await sandbox.sync({
      ...call('echo x > file; for n in 1 2 3 4 5 6; do sleep 0.4; echo $n; done'),
      options,
    })
    expect(alive).toMatchObject({ outcome: 'success' })
    const writes = 'for n in 1 2 3 4 5 6; do head -c 100000 /dev/zero >> file; sleep 0.4; done'
    expect(await sandbox.sync({ ...call(writes), options })).toMatchObject({ outcome: 'success' })
    expectNothingLeft()
  })

  it('does not outlive a worker that is killed, and its private folder goes at the next start', async () => {
    const script = writeScript(join(sandbox.dir, 'script.sh'), 'echo x > file; (setsid sleep 1000 &); sleep 1000')
    const commands = [{ name: 'script', command: [script] }]
    await killAfter(1500, sandbox.dataDir, {
      kind: 'command',
      upstream: UPSTREAM,
      options: { command: 'script' },
      commands,
    })
    await vi.waitFor(() => expect(leftOver()).toEqual([]), PATIENCE)
    expect(existsSync(sandbox.published)).toBe(false)
    expect(readdirSync(join(sandbox.dataDir, '.kagami', 'scratch'))).toEqual(['killed'])
    prepareWorkspace(sandbox.dataDir)
    expect(readdirSync(join(sandbox.dataDir, '.kagami'))).not.toContain('scratch')
  })

  it('and prints escape sequences, shows none of them in progress or log', async () => {
    const seen: string[] = []
    const report = await sandbox.sync({
      ...call(String.raw`echo x > file; printf 'a\033[2Jb \342\200\256c\n'; sleep 1.5`),
      onProgress: ({ line }) => line && seen.push(line),
    })
    expect(seen.at(-1)).toBe(String.raw`a[2Jb \u202ec`)
    expect(sandbox.log(report)).not.toContain('\u001b')
  })

  it('takes no more memory than it may', async () => {
    const limited = await sandbox.sync(call('ulimit -v > limit', { memory_mib: 64 }))
    expect(limited).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual({ limit: `${64 * 1024}\n` })
  })
})

describe('a replica', () => {
  const spy = () => join(sandbox.dir, 'was-run')
  const evil = () => writeScript(join(sandbox.dir, 'evil.sh'), `touch ${spy()}`)

  it.each([
    ['another name', () => ({ command: 'other' })],
    ['a path', () => ({ command: evil() })],
    ['a list', () => ({ command: [evil()] })],
    ['a table', () => ({ command: { name: 'script', command: [evil()] } })],
    ['no name', () => ({})],
    ['a name of every object', () => ({ command: '__proto__' })],
    ['a name and arguments', () => ({ command: 'script --evil' })],
    ['an argument more', () => ({ command: 'script', args: ['--evil'] })],
    ['a variable more', () => ({ command: 'script', env: { BASH_ENV: evil() } })],
    ['a program more', () => ({ command: 'script', commands: [{ name: 'script', command: [evil()] }] })],
  ])('that says %s is refused, and nothing is started', async (_what, options) => {
    const report = await sandbox.sync({ ...call(`touch ${spy()}`), options: options() })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
    expect(existsSync(spy())).toBe(false)
    expect(existsSync(sandbox.published)).toBe(false)
  })

  it('of a worker whose worker.toml names no program is refused', async () => {
    const report = await sandbox.sync({ ...call('true'), commands: [] })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'kind_unknown' })
  })

  it.each([
    'https://h/$(touch${IFS}was-run)',
    'https://h/`touch`',
    'https://h/;touch',
    'https://h/a&touch',
    'https://h/"x',
    "https://h/'x",
    'https://h/*',
    '--upload-pack=touch',
    'ssh://root@h/x',
    'https://user:secret@h/',
  ])('whose upstream is %s is refused, and nothing is started', async (upstream) => {
    const report = await sandbox.sync({ ...call(`touch ${spy()}; echo x > file`), upstream })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    expect(existsSync(spy())).toBe(false)
  })

  it('whose upstream is a folder of the worker is refused, also below upstream_roots', async () => {
    const local = { ...call(`touch ${spy()}`), upstream: 'file:///etc/', upstreamRoots: ['/etc'] }
    expect(await sandbox.sync(local)).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    expect(existsSync(spy())).toBe(false)
  })

  it('cannot send the secrets of a command to another upstream than those it is for', async () => {
    const limited = call('echo x > file', { upstreams: ['https://127.0.0.1/pub/', 'rsync://127.0.0.1/'] })
    expect(await sandbox.sync(limited)).toMatchObject({ outcome: 'success' })
    const other = await sandbox.sync({ ...limited, upstream: 'https://127.0.0.1/other/' })
    expect(other).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
    expect(other.message).toContain('may only be used for upstreams that begin with https://127.0.0.1/pub/ or rsync://')
  })

  it('at an address that is never allowed is not given to a program', async () => {
    const report = await sandbox.sync({ ...call(`touch ${spy()}`), upstream: 'http://169.254.169.254/latest/' })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    expect(await sandbox.sync({ ...call(`touch ${spy()}`), publicOnly: true })).toMatchObject({
      reason: 'address_forbidden',
    })
    expect(existsSync(spy())).toBe(false)
  })
})

describe('a secret', () => {
  const SECRET = 'correct-horse-battery'

  it('of worker.toml or of the replica is in no log, report, progress or file, though it is printed', async () => {
    const file = join(sandbox.dir, 'token')
    writeFileSync(file, `${SECRET}-of-file\n`)
    const seen: string[] = []
    const print =
      'echo x > f; for s in "$TOKEN" "$PLAIN" "$KAGAMI_PASSWORD"; do echo "it is $s" | tee -a $TUNASYNC_LOG_FILE; done'
    const secrets = { env: { PLAIN: `${SECRET}-plain` }, env_files: { TOKEN: file } }
    for (const end of ['', '; (printf "x%.0s" {1..190}; echo "$TOKEN $PLAIN") >&2; exit 3']) {
      const report = await sandbox.sync({
        ...call(print + end, secrets),
        auth: { type: 'basic', username: 'bob', password: `${SECRET}-of-replica` },
        onProgress: (progress) => seen.push(JSON.stringify(progress)),
      })
      expect(report.outcome).toBe(end === '' ? 'success' : 'failed')
      expect(sandbox.log(report)).toContain('it is ***')
      // Nor a part of it, where a line was cut.
      expect(JSON.stringify(report)).not.toContain('corr')
    }
    expect(seen.join()).toContain('it is ***')
    expect(seen.join()).not.toContain('corr')
    expect(mentions(sandbox.dataDir, SECRET)).toBe(false)
  })

  it('may be short, and what is no secret stays readable', async () => {
    const env = { DB_PASSWORD: 'qz9x', USE_AUTH: 'true', JOBS: '8', MODE: 'fast' }
    const report = await sandbox.sync(call('echo x > file; echo "it is true: 8 fast $DB_PASSWORD"', { env }))
    expect(sandbox.log(report)).toContain('it is true: 8 fast ***')
  })

  it('whose file cannot be read is named with its file, and nothing is started', async () => {
    const report = await sandbox.sync(call('echo x > file', { env_files: { TOKEN: join(sandbox.dir, 'none') } }))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
    expect(report.message).toContain(`${join(sandbox.dir, 'none')}, which has TOKEN, cannot be used: ENOENT`)
    expect(report.hint).toContain('It is read at each sync.')
  })
})

describe('a pattern', () => {
  it('that needs time without end for what a stranger wrote ends the sync, and nothing waits for long', async () => {
    const started = performance.now()
    const report = await sandbox.sync(
      call(`echo x > file; printf 'a%.0s' {1..60}; echo b`, { fail_on_match: '^(a+)+$' }),
    )
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('fail_on_match of script takes too long')
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('does not hinder a sync that prints much', async () => {
    const many = 'echo x > file; seq 100000; echo "Total size is 12.5K"'
    const report = await sandbox.sync(call(many, { fail_on_match: 'ERROR', size_pattern: 'size is ([0-9.]+[KMG])' }))
    expect(report).toMatchObject({ outcome: 'success', size_bytes: 12_800 })
  })
})

it('a program that is not there, or no program, is named with the cure', async () => {
  const gone = { ...call(''), commands: commandsOf({ name: 'script', command: [join(sandbox.dir, 'gone.sh')] }) }
  expect(await sandbox.sync(gone)).toMatchObject({
    reason: 'tool_missing',
    message: `${join(sandbox.dir, 'gone.sh')}, the program of script, is not there`,
  })
  writeFileSync(join(sandbox.dir, 'gone.sh'), '#!/bin/sh\ntrue\n', { mode: 0o644 })
  expect(await sandbox.sync(gone)).toMatchObject({ reason: 'tool_missing', hint: expect.stringContaining('chmod +x') })
  chmodSync(join(sandbox.dir, 'gone.sh'), 0o755)
  writeFileSync(join(sandbox.dir, 'gone.sh'), '#!/bin/sh\necho x > file\n')
  expect(await sandbox.sync(gone)).toMatchObject({ outcome: 'success' })
})

// scripts.test.ts — Scripts as people wrote them for tunasync, unchanged; what readers see while and after they run;
// what the guard holds; what their end means.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { Progress, SyncReport } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'
import { scriptCommand } from '../../testing/worker-toml.ts'

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

const call = (script: string, more: object = {}, options: object = {}): SyncCall => ({
  kind: 'command',
  upstream: 'https://127.0.0.1/pub/',
  options: { command: 'script', ...options },
  commands: scriptCommand(join(sandbox.dir, 'script.sh'), script, more),
})
const files = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, `${n}\n`]))
const FILL = 'for n in $(seq 0 9); do echo $n > f$n; done'

describe('a script for tunasync', () => {
  it('in the manner of tunasync-scripts runs unchanged, and its size is shown', async () => {
    const up = join(sandbox.dir, 'up')
    writeFiles(up, { 'index.txt': 'one\ntwo\n', one: '1\n', two: '2\n' })
    const upstream = await startHttpUpstream({ dir: up })
    stops.push(upstream.stop)
    const script = `set -e
set -o pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

BASE_URL=\${TUNASYNC_UPSTREAM_URL:-"https://example.invalid"}
BASE_PATH="\${TUNASYNC_WORKING_DIR}"
INDEX=$(mktemp)
trap 'rm -f "$INDEX"' EXIT

[[ -d "\${BASE_PATH}" ]]
[[ "$(pwd)" == "\${BASE_PATH}" ]]
[[ -n "$TUNASYNC_MIRROR_NAME" && -d "$TUNASYNC_LOG_DIR" && -w "$TUNASYNC_LOG_FILE" && -d "$HOME" ]]
cd "\${BASE_PATH}"
curl -sSfL "\${BASE_URL}/index.txt" -o "$INDEX"
while read -r name; do
  echo "Downloading $name for $TUNASYNC_MIRROR_NAME"
  curl -sSfL -R "\${BASE_URL}/\${name}" -o ".\${name}.tmp"
  mv ".\${name}.tmp" "\${name}"
done < "$INDEX"
for f in *; do grep -qx "$f" "$INDEX" || rm -f "$f"; done
echo "Total size is 1.2G"`
    const mirror = { ...call(script, { size_pattern: 'Total size is ([0-9\\.]+[KMGTP]?)' }), upstream: upstream.url }
    const first = await sandbox.sync(mirror)
    expect(first).toMatchObject({ outcome: 'success', files: 2, size_bytes: Math.round(1.2 * 1024 ** 3), bytes: 4 })
    expect(readTree(sandbox.published)).toEqual({ one: '1\n', two: '2\n' })
    expect(sandbox.log(first)).toContain('Downloading one for copy')
    writeFiles(up, { 'index.txt': 'one\nthree\n', three: '3\n', two: null })
    expect(await sandbox.sync(mirror)).toMatchObject({ outcome: 'success', bytes: 2 })
    expect(readTree(sandbox.published)).toEqual({ one: '1\n', three: '3\n' })
    await upstream.stop()
    expect(await sandbox.sync(mirror)).toMatchObject({ outcome: 'failed', reason: 'unknown', exit_code: 7 })
    expect(readTree(sandbox.published)).toEqual({ one: '1\n', three: '3\n' })
  })

  it('that calls rsync runs unchanged', async () => {
    const up = join(sandbox.dir, 'up')
    writeFiles(join(up, 'files'), { 'pool/a': 'a\n', 'dists/b': 'b\n' })
    const upstream = await startRsyncUpstream({ dir: up })
    stops.push(upstream.stop)
    const script = `exec rsync -aHvh --no-o --no-g --stats --delete --delete-after --delay-updates --safe-links \\
  --exclude .~tmp~/ "$TUNASYNC_UPSTREAM_URL" "$TUNASYNC_WORKING_DIR"`
    const mirror = {
      ...call(script, { size_pattern: 'Total file size: ([0-9\\.]+[KMGTP]?)', success_codes: [24] }),
      upstream: upstream.url,
    }
    expect(await sandbox.sync(mirror)).toMatchObject({ outcome: 'success', files: 2, size_bytes: 4 })
    expect(readTree(sandbox.published)).toEqual(readTree(join(up, 'files')))
  })

  it('finds what tunasync gives it and what Kagami adds, and nothing of the worker’s', async () => {
    process.env['KAGAMI_TEST_SECRET'] = 'secret'
    const report = await sandbox.sync(call('env -0 | sort -z | tr "\\0" "\\n" > env', { env: { JOBS: '4' } }))
    delete process.env['KAGAMI_TEST_SECRET']
    const found = Object.fromEntries(
      readFileSync(join(sandbox.published, 'env'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('='))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    const scratch = join(sandbox.dataDir, '.kagami', 'scratch', report.sync_id)
    const staging = join(sandbox.dataDir, '.kagami', 'staging', 'replica-1')
    expect(found).toMatchObject({
      TUNASYNC_MIRROR_NAME: 'copy',
      TUNASYNC_WORKING_DIR: staging,
      TUNASYNC_UPSTREAM_URL: 'https://127.0.0.1/pub/',
      TUNASYNC_LOG_DIR: join(scratch, 'log'),
      TUNASYNC_LOG_FILE: join(scratch, 'log', 'latest.log'),
      KAGAMI_REPLICA: 'copy',
      KAGAMI_REPLICA_ID: 'replica-1',
      KAGAMI_WORKER_ID: 'w',
      KAGAMI_KIND: 'command',
      KAGAMI_COMMAND: 'script',
      KAGAMI_SYNC_ID: report.sync_id,
      KAGAMI_TRIGGER: 'manual',
      KAGAMI_UPSTREAM: 'https://127.0.0.1/pub/',
      KAGAMI_WORKING_DIR: staging,
      KAGAMI_PATH: sandbox.published,
      KAGAMI_THOROUGH: '',
      HOME: join(scratch, 'home'),
      TMPDIR: join(scratch, 'tmp'),
      PWD: staging,
      USER: userInfo().username,
      LC_ALL: 'C.UTF-8',
      JOBS: '4',
    })
    expect(Object.keys(found).filter((name) => /SECRET|PASSWORD|TOKEN/.test(name))).toEqual([])
    expect(existsSync(scratch)).toBe(false)
  })

  it('has an empty stdin, and what it writes into its log file is in the log', async () => {
    const report = await sandbox.sync(call('cat > file; echo x >> file; echo "into the file" >> "$TUNASYNC_LOG_FILE"'))
    expect(report).toMatchObject({ outcome: 'success' })
    expect(sandbox.log(report)).toContain('into the file')
    expect(readTree(sandbox.published)).toEqual({ file: 'x\n' })
  })

  it('shows what it printed last, and how far it says it is', async () => {
    const seen: Progress[] = []
    await sandbox.sync({
      ...call(
        'echo x > file; echo "fetching 1 of 3"; sleep 1.2; echo " 45.5% done"; sleep 1.2; echo "100 %"; sleep 1.2',
      ),
      onProgress: (progress) => seen.push(progress),
    })
    expect(seen.map(({ line, percent }) => [line, percent])).toEqual(
      expect.arrayContaining([
        ['fetching 1 of 3', null],
        [' 45.5% done'.trim(), 45.5],
        ['100 %', 100],
      ]),
    )
  })
})

describe('readers', () => {
  const CHANGES = 'set -e; echo new > f0; echo more >> f1; rm f2; echo x > added; '

  it.each([
    ['copy', 'in-place'],
    ['copy', 'swap'],
    ['linked', 'in-place'],
    ['linked', 'swap'],
  ])(
    'of tree = "%s", published %s, see nothing of a run that fails, and its rest with the next',
    async (tree, publish) => {
      // What is written is written as another file: what hard links need.
      const careful = (end: string) => `set -e
if [ -e f0 ]; then for n in 0 1; do echo new$n > .t; mv .t f$n; done; rm -f f2; ${end} fi
${FILL.replace('> f$n', '> .t$n; [ -e f$n ] || mv .t$n f$n; rm -f .t$n').replace('0 9', '3 9')}
[ -e f0 ] || for n in 0 1 2; do echo $n > f$n; done`
      await sandbox.sync(call(careful(''), { tree }, { publish }))
      const before = readTree(sandbox.published)
      expect(before).toEqual(files(10))
      expect(await sandbox.sync(call(careful('exit 9;'), { tree }, { publish }))).toMatchObject({ outcome: 'failed' })
      expect(readTree(sandbox.published)).toEqual(before)
      const report = await sandbox.sync(call(careful(''), { tree }, { publish }))
      expect(report).toMatchObject({ outcome: 'success', message: null, generation: publish === 'swap' ? 2 : null })
      const { f2: _gone, ...rest } = files(10)
      expect(readTree(sandbox.published)).toEqual({ ...rest, f0: 'new0\n', f1: 'new1\n' })
      expect(await sandbox.sync(call(careful(''), { tree }, { publish }))).toMatchObject({ outcome: 'success' })
    },
  )

  it.each(['in-place', 'swap'])(
    'of a tree published %s see nothing of what a program writes into files',
    async (publish) => {
      await sandbox.sync(call(FILL, {}, { publish }))
      const open = statSync(join(sandbox.published, 'f1')).ino
      const failed = await sandbox.sync(call(`${CHANGES} exit 1`, {}, { publish }))
      expect(failed).toMatchObject({ outcome: 'failed' })
      expect(readTree(sandbox.published)).toEqual(files(10))
      expect(statSync(join(sandbox.published, 'f1')).ino).toBe(open)
      const report = await sandbox.sync(call('true', {}, { publish }))
      expect(report).toMatchObject({ outcome: 'success', files: 10 })
      expect(readTree(sandbox.published)).toMatchObject({ f0: 'new\n', f1: '1\nmore\n', added: 'x\n' })
    },
  )

  it('of the earlier tree have it whole, and a rollback gives it back', async () => {
    await sandbox.sync(call(FILL, {}, { publish: 'swap' }))
    await sandbox.sync(call(CHANGES, {}, { publish: 'swap' }))
    expect(readTree(join(sandbox.dataDir, '.generations', 'copy', '1'))).toEqual(files(10))
    const back = await sandbox.sync({ ...call('true', {}, { publish: 'swap' }), task: { type: 'rollback', to: null } })
    expect(back).toMatchObject({ outcome: 'success', action: 'rollback' })
    expect(readTree(sandbox.published)).toEqual(files(10))
  })

  it('are told of when a program writes into files that they share', async () => {
    const options = { publish: 'swap' }
    await sandbox.sync(call(FILL, { tree: 'linked' }, options))
    const report = await sandbox.sync(call('echo more >> f1', { tree: 'linked' }, options))
    expect(report).toMatchObject({ outcome: 'success' })
    expect(report.message).toContain('changed without being replaced: f1; readers')
  })

  it('get no new tree when nothing changed', async () => {
    const options = { publish: 'swap' }
    await sandbox.sync(call(FILL, {}, options))
    expect(await sandbox.sync(call('cat f1', {}, options))).toMatchObject({
      outcome: 'success',
      generation: 1,
      bytes: 0,
    })
    expect(readdirSync(join(sandbox.dataDir, '.generations', 'copy'))).toEqual(['1'])
  })

  it('see it work where tree = "direct" says so', async () => {
    await sandbox.sync(call(FILL, { tree: 'direct' }))
    const report = await sandbox.sync(call(`${CHANGES} pwd > where; exit 1`, { tree: 'direct' }))
    expect(report).toMatchObject({ outcome: 'failed' })
    expect(readTree(sandbox.published)).toMatchObject({ f0: 'new\n', where: `${sandbox.published}\n` })
  })
})

describe('a program that deletes too much', () => {
  const approve = (report: SyncReport) => ({ task: { type: 'sync', approved: report.hold!.removed } }) as const

  it.each([
    ['copy', 'in-place'],
    ['linked', 'in-place'],
    ['copy', 'swap'],
    ['direct', 'swap'],
  ])('is held with its names before readers see it (tree = "%s", %s), until that is allowed', async (tree, publish) => {
    await sandbox.sync(call(FILL, { tree }, { publish }))
    const report = await sandbox.sync(call('rm f1 f2 f3 f4', { tree }, { publish }))
    expect(report).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    expect(report.hold).toMatchObject({ removed: 4, total: 10 })
    expect([...report.hold!.examples].sort()).toEqual(['f1', 'f2', 'f3', 'f4'])
    expect(report.message).toBe('4 of 10 files would be deleted, more than 25 %; nothing was deleted')
    expect(readTree(sandbox.published)).toEqual(files(10))
    const again = await sandbox.sync({ ...call('rm -f f1 f2 f3 f4', { tree }, { publish }), ...approve(report) })
    expect(again).toMatchObject({ outcome: 'success', files: 6 })
    expect(Object.keys(readTree(sandbox.published))).toHaveLength(6)
  })

  it('where people read is not started again until somebody decides, and nothing false is said', async () => {
    await sandbox.sync(call(FILL, { tree: 'direct' }))
    const report = await sandbox.sync(call('rm f1 f2 f3 f4', { tree: 'direct' }))
    expect(report).toMatchObject({ outcome: 'held', reason: 'too_many_deletions', hold: { removed: 4, total: 10 } })
    expect(report.message).toBe('4 of 10 files would be deleted, more than 25 %; the program has deleted them already')
    expect(report.hint).toContain('so nobody could ask before')
    const more = call('rm -f f5; echo x > ran', { tree: 'direct' })
    expect(await sandbox.sync(more)).toMatchObject({ outcome: 'held', hold: { removed: 4 } })
    expect(existsSync(join(sandbox.published, 'ran'))).toBe(false)
    expect(await sandbox.sync({ ...more, ...approve(report) })).toMatchObject({ outcome: 'success' })
    expect(existsSync(join(sandbox.published, 'ran'))).toBe(true)
  })

  it('and then loses its whole folder, begins anew without a trace of that', async () => {
    await sandbox.sync(call(FILL, { tree: 'direct' }))
    expect(await sandbox.sync(call('rm f1 f2 f3 f4', { tree: 'direct' }))).toMatchObject({ outcome: 'held' })
    rmSync(sandbox.published, { recursive: true })
    expect(await sandbox.sync(call(FILL, { tree: 'direct' }))).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(files(10))
  })

  it('and goes on when the files are back', async () => {
    await sandbox.sync(call(FILL, { tree: 'direct' }))
    expect(await sandbox.sync(call('rm f1 f2 f3 f4', { tree: 'direct' }))).toMatchObject({ outcome: 'held' })
    writeFiles(sandbox.published, files(10))
    expect(await sandbox.sync(call('true', { tree: 'direct' }))).toMatchObject({ outcome: 'success', files: 10 })
  })

  it('or writes more than its quota, publishes nothing of it', async () => {
    await sandbox.sync(call(FILL))
    const large = call('head -c 2000000 /dev/zero > large', {}, { quota_mib: 1 })
    const report = await sandbox.sync(large)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    expect(report.message).toContain('nothing of it was published')
    expect(readTree(sandbox.published)).toEqual(files(10))
  })

  it('is held at its first sync in a folder of something else, with what it would make of it', async () => {
    mkdirSync(sandbox.published)
    writeFiles(sandbox.published, { own: 'mine\n', f1: 'old\n' })
    for (const tree of ['copy', 'direct']) {
      const report = await sandbox.sync(call(`rm -f own; ${FILL}`, { tree }))
      expect(report).toMatchObject({ outcome: 'held', reason: 'foreign_files', hold: { removed: 1, total: 2 } })
      expect(readTree(sandbox.published)).toEqual({ own: 'mine\n', f1: 'old\n' })
    }
  })
})

describe('the end of a program', () => {
  it('is a success by its code, unless the output says otherwise', async () => {
    const odd = (more: object, end = 'exit 24') => sandbox.sync(call(`echo x > file; echo "ERROR: no"; ${end}`, more))
    expect(await odd({})).toMatchObject({ outcome: 'failed', reason: 'unknown', exit_code: 24 })
    expect(await odd({ success_codes: [24] })).toMatchObject({ outcome: 'success' })
    expect(await odd({ success_codes: [24] }, 'exit 0')).toMatchObject({ outcome: 'success' })
    const said = await odd({ success_codes: [24], fail_on_match: '(?i)^error:' })
    expect(said).toMatchObject({ outcome: 'failed', reason: 'content_invalid', exit_code: 24, tail: 'ERROR: no' })
    expect(said.message).toBe('script said what means failure: ERROR: no')
  })

  it('is what worker.toml says its code means', async () => {
    const report = await sandbox.sync(
      call('echo out; echo err >&2; exit 4', { exit_reasons: { 4: 'upstream_unreachable' } }),
    )
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable', exit_code: 4 })
    expect(report.message).toMatch(/^script ended with exit code 4: (out|err)$/)
    expect(report.tail!.split('\n').sort()).toEqual(['err', 'out'])
  })

  it('without a file is no success, and says where to write', async () => {
    const report = await sandbox.sync(call('true'))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.hint).toContain('TUNASYNC_WORKING_DIR')
    expect(existsSync(sandbox.published)).toBe(false)
  })

  it('by a signal is told', async () => {
    const report = await sandbox.sync(call('echo x > file; kill -TERM $$'))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'unknown' })
    expect(report.message).toMatch(/^script (ended with exit code 143|was ended by SIGTERM)/)
  })

  it('leaves a first copy for the next run to go on with', async () => {
    expect(await sandbox.sync(call('echo 1 > one; exit 1'))).toMatchObject({ outcome: 'failed' })
    expect(existsSync(sandbox.published)).toBe(false)
    expect(await sandbox.sync(call('[ -e one ] && echo 2 > two'))).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual({ one: '1\n', two: '2\n' })
  })

  it('is looked at with verify and freshness_file as for other kinds', async () => {
    const dated = call(
      'mkdir -p dists/x; echo x > dists/x/f; echo 1700000000 > lastupdate',
      {},
      { freshness_file: 'lastupdate' },
    )
    expect(await sandbox.sync(dated)).toMatchObject({ outcome: 'success', content_at: '2023-11-14T22:13:20.000Z' })
    const before = readTree(sandbox.published)
    const wrong = `printf 'SHA256:\\n ${'0'.repeat(64)} 2 f\\n' > dists/x/InRelease`
    const report = await sandbox.sync(call(wrong, {}, { verify: 'debian' }))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(readTree(sandbox.published)).toEqual(before)
  })
})

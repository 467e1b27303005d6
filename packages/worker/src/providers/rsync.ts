// rsync.ts — Mirrors an rsync module: archive, deletions last and only after everything could be read. How rsync is called is here.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Type from 'typebox'
import { createProgressReader, readStatistics, refusesCompression, rsyncFailure, type Statistics } from './rsync-output.ts'
import { SyncFailure, type Exit, type Provider, type RunCommand, type RunOptions, type SyncContext, type SyncStats } from './provider.ts'

/** Where rsync keeps what is not complete; one such folder beside the files concerned. */
const PARTIAL = '.~tmp~'
const CONNECT_SECONDS = 30
/** Older versions have holes a hostile upstream can use. */
const SAFE_VERSION = [3, 4, 3]

const options = Type.Object(
  {
    compress: Type.Boolean({ default: true, description: 'Compress on the way. Turn off on fast links and for files that are compressed already: it costs CPU on both ends' }),
    delay_updates: Type.Boolean({ default: false, description: 'Put changed files in place together at the end instead of one by one as they arrive. Costs about a third more time on large trees' }),
    exclude: Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { default: [], maxItems: 200, description: 'Patterns of files to leave out, as rsync --exclude understands them' }),
    timeout_secs: Type.Integer({ default: 300, minimum: 10, maximum: 86_400, description: 'Give up when nothing came for this many seconds' }),
    bwlimit_kbps: Type.Integer({ default: 0, minimum: 0, maximum: 100_000_000, description: 'KiB per second to use at most; 0 is no limit' }),
  },
  { additionalProperties: false },
)

interface RsyncOptions {
  readonly compress: boolean
  readonly delay_updates: boolean
  readonly exclude: readonly string[]
  readonly timeout_secs: number
  readonly bwlimit_kbps: number
}

/** The kind `rsync`: rsync:// upstreams, kept as `rsync -az --delete` would, made safe. */
export const rsync: Provider = {
  kind: 'rsync',
  options,
  async probe(run) {
    try {
      return await probeVersion(run)
    } catch (error) {
      return { available: false, detail: (error as Error).message }
    }
  },
  async sync(context) {
    if (context.auth?.type === 'token') throw new SyncFailure('auth_rejected', 'rsync takes a user name and a password, not a token')
    const exists = await context.tree.exists()
    context.progress({ phase: 'connecting' })
    if (exists) await refuseEmptyUpstream(context)
    return exists ? update(context) : create(context)
  },
}

async function probeVersion(run: RunCommand): Promise<{ available: boolean; detail: string }> {
  let version = ''
  const exit = await run('rsync', ['--version'], { onLine: (line) => void (version ||= line) })
  const numbers = (/version (\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number)
  const difference = SAFE_VERSION.map((wanted, index) => (numbers[index] ?? 0) - wanted).find((delta) => delta !== 0) ?? 0
  const shown = version.replace(/\s+/g, ' ')
  const detail = difference < 0 ? `${shown} (older than ${SAFE_VERSION.join('.')}: known holes, please upgrade)` : shown
  return { available: exit.code === 0, detail: detail || 'rsync does not start' }
}

/** A mount that is missing upstream looks like an empty folder: one look at the top keeps it from emptying the copy. */
async function refuseEmptyUpstream(context: SyncContext): Promise<void> {
  let entries = 0
  const onLine = (line: string, stream: string) => {
    const name = /^[-a-z][-rwxsStT]{9}[.+@]?\s+[\d,]+ \S+ \S+ (.+)$/.exec(line)?.[1]
    if (stream === 'stdout' && name !== undefined && name !== '.') entries++
    return stream !== 'stdout'
  }
  const exit = await call(context, ['--list-only', '--dirs', ...limits(context), '--', `${addressOf(context).replace(/\/+$/, '')}/`], { onLine })
  // 23: the address may name a file, which has nothing below it.
  if (exit.code !== 0 && exit.code !== 23) throw rsyncFailure(exit)
  if (exit.code === 0 && entries === 0) throw new SyncFailure('upstream_empty', 'the upstream is an empty folder, the copy is not; nothing was deleted')
}

async function create(context: SyncContext): Promise<SyncStats> {
  const { staging } = context.tree
  const resumed = existsSync(staging)
  mkdirSync(staging, { recursive: true })
  const stats = await transfer(context, staging, resumed)
  context.progress({ phase: 'publishing' })
  await context.tree.publish()
  return stats
}

async function update(context: SyncContext): Promise<SyncStats> {
  const { staging, published } = context.tree
  // While this file exists an earlier run did not come to its end.
  const unfinished = join(staging, 'unfinished')
  const wasUnfinished = existsSync(unfinished)
  mkdirSync(staging, { recursive: true })
  writeFileSync(unfinished, '')
  const stats = await transfer(context, published, wasUnfinished)
  rmSync(unfinished, { force: true })
  return stats
}

/** Keeping incomplete files costs a third of a run that changes nothing, so only a run after a broken one does. */
async function transfer(context: SyncContext, into: string, keepPartials: boolean): Promise<SyncStats> {
  const { compress, delay_updates } = context.options as unknown as RsyncOptions
  const statistics: Statistics = { files: null, sizeBytes: null, received: null }
  const readProgress = createProgressReader()
  const onLine = (line: string) => {
    const progress = readProgress(line)
    if (progress) context.progress(progress)
    else readStatistics(line, statistics)
    return progress === null
  }
  const partials = delay_updates ? ['--delay-updates'] : keepPartials ? [`--partial-dir=${PARTIAL}`] : []
  const args = [...transferFlags(context), ...partials, '--', addressOf(context), `${into}/`]
  let exit = await call(context, compress ? ['-z', ...args] : args, { onLine, redraws: true })
  if (compress && refusesCompression(exit)) {
    context.log('the upstream refuses compression: trying without')
    exit = await call(context, args, { onLine, redraws: true })
  }
  if (exit.code !== 0 && exit.code !== 24) {
    const failure = rsyncFailure(exit)
    // What is incomplete would keep the disk full.
    if (failure.reason === 'disk_full') dropPartials(into)
    throw failure
  }
  if (keepPartials) dropPartials(into)
  const note = exit.code === 24 ? 'some files vanished from the upstream while they were read; the next sync catches up' : null
  return { bytes: statistics.received, files: statistics.files, sizeBytes: statistics.sizeBytes, revision: null, note }
}

function transferFlags(context: SyncContext): string[] {
  const { exclude, bwlimit_kbps } = context.options as unknown as RsyncOptions
  return [
    '-a', '--delete-after', '--safe-links', '--no-devices', '--no-specials', '--no-owner', '--no-group',
    // Readable for whoever serves it, never setuid, executable where it was.
    '--chmod=D0755,Fug-s,F-t,Fa+rX,Fu+w,Fgo-w',
    '--info=progress2', '--stats', '--no-human-readable', ...limits(context),
    ...(bwlimit_kbps > 0 ? [`--bwlimit=${bwlimit_kbps}`] : []),
    ...exclude.map((pattern) => `--exclude=${pattern}`),
  ]
}

function limits(context: SyncContext): string[] {
  const { timeout_secs } = context.options as unknown as RsyncOptions
  // Without TCP_NODELAY every small message of the protocol may wait 40 ms for an acknowledgement.
  return ['--sockopts=TCP_NODELAY', `--timeout=${timeout_secs}`, `--contimeout=${Math.min(CONNECT_SECONDS, timeout_secs)}`]
}

/** The upstream without a user name: that travels, like the password, in the environment. */
function addressOf({ upstream, auth }: SyncContext): string {
  return auth ? upstream.replace(/^rsync:\/\/[^/@]*@/, 'rsync://') : upstream
}

function call(context: SyncContext, args: readonly string[], options: RunOptions): Promise<Exit> {
  if (!/^rsync:\/\/[^/]/.test(context.upstream)) throw new SyncFailure('upstream_missing', 'the upstream must begin with rsync://')
  const { auth } = context
  const env: Record<string, string> = auth?.type === 'basic' ? { USER: auth.username, LOGNAME: auth.username, RSYNC_PASSWORD: auth.password } : {}
  return context.run('rsync', args, { ...options, env })
}

/** Removes what rsync kept of files it could not complete. */
function dropPartials(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const path = join(folder, entry.name)
    if (entry.name === PARTIAL) rmSync(path, { recursive: true, force: true })
    else dropPartials(path)
  }
}

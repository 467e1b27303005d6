// maintenance.ts — Keeps a repository healthy over the years: weekly checks, repacking, and replacing damaged objects.
// Readers always find a repository.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { callGit } from './call.ts'
import { gitFailure, mainLine, ignoredFaults } from './errors.ts'
import type { RemoteRefs } from '../git-refs/refs.ts'
import { BORROWED, listPacks, objectFiles } from './repository.ts'
import type { Exit, SyncContext, SyncFailure } from '../../provider.ts'

const WEEK_MS = 7 * 24 * 3600_000
/** Number of packs above which they are combined. */
const PACKS_MAX = 20

/**
 * Proves once a week that the copy is whole, combines small packs, and makes anew what git derives from objects and
 * refs. Returns what is wrong with the copy, or null.
 */
export async function maintain(context: SyncContext, gitDir: string): Promise<string | null> {
  if (!isMaintenanceDue(context)) return null
  context.progress({ phase: 'verifying' })
  const flaw = await findFlaw(context, gitDir, { everyByte: true })
  if (flaw !== null) return flaw
  const packs = packsOf(gitDir)
  if (packs.length > PACKS_MAX)
    await callGit(context, [`--git-dir=${gitDir}`, 'repack', '-d', '-n', '-q', '--geometric=2'], { silent: true })
  listPacks(gitDir)
  await callGit(context, [`--git-dir=${gitDir}`, 'pack-refs', '--all'], { silent: true })
  removeDerived(gitDir)
  await callGit(context, [`--git-dir=${gitDir}`, 'commit-graph', 'write', '--reachable', '--no-progress'], {
    silent: true,
  })
  recordCheck(context)
  context.log(`checked ${packs.length} packs and everything that the refs reach; all of it is there and whole`)
  return null
}

/** What was proved, in one line. `lfsBytes`: bytes of LFS objects that were fetched again for it. */
export function describeProof(proved: {
  objects: number
  refs: number
  kept: number
  lfs: boolean
  lfsBytes: number
}): string {
  const count = (number: number) => number.toLocaleString('en-US')
  return [
    `proved: all ${count(proved.objects)} objects reachable from ${count(proved.refs)} refs are whole`,
    ...(proved.kept > 0 ? [`${proved.kept} of the refs are kept ones that no reader sees`] : []),
    ...(proved.lfs ? ['every LFS object has the bytes that its name says'] : []),
    ...(proved.lfsBytes > 0 ? [`for that ${count(proved.lfsBytes)} bytes of LFS objects were fetched again`] : []),
  ].join('; ')
}

/** Whether a copy is whole: what is wrong with it, or how many objects its refs reach. */
export async function proveCopy(
  context: SyncContext,
  gitDir: string,
): Promise<{ readonly flaw: string | null; readonly objects: number }> {
  context.progress({ phase: 'verifying' })
  let objects = 0
  const onLine = (_line: string, stream: string) => {
    if (stream === 'stdout') objects++
    return stream !== 'stdout'
  }
  const command = [...PLAIN, `--git-dir=${gitDir}`, 'rev-list', '--objects', '--no-object-names', '--all']
  const reached = await callGit(context, command, { silent: true, onLine })
  if (reached.code === null) throw gitFailure(reached)
  if (reached.code !== 0) return { flaw: flawOf(reached, 'not everything that the refs reach is there'), objects }
  const { exit, damage } = await fsckWhole(context, gitDir, false)
  if (exit.code === null) throw gitFailure(exit)
  if (damage !== null) return { flaw: damage, objects }
  if (!(await isDerivedWhole(context, gitDir))) {
    removeDerived(gitDir)
    context.log('what git derived from the objects of the copy was damaged: it was removed, git makes it anew')
  }
  return { flaw: null, objects }
}

// Derived files are not asked, and replacements are only how some readers see the history.
const PLAIN = ['--no-replace-objects', '-c', 'core.commitGraph=false', '-c', 'core.multiPackIndex=false']

/** What a look at a copy found to be wrong, in words for people; null when it is whole. */
export async function findFlaw(
  context: SyncContext,
  gitDir: string,
  { everyByte }: { everyByte: boolean },
): Promise<string | null> {
  const reached = await callGit(
    context,
    [...PLAIN, `--git-dir=${gitDir}`, 'rev-list', '--objects', '--all', '--quiet'],
    {
      silent: true,
    },
  )
  if (reached.code !== 0) return flawOf(reached, 'not everything that the refs reach is there')
  if (!everyByte) return null
  if (hasLooseObjects(gitDir)) {
    // What is packed is read by the next check, byte for byte.
    const packed = await callGit(context, [...PLAIN, `--git-dir=${gitDir}`, 'repack', '-d', '-n', '-q'], {
      silent: true,
    })
    listPacks(gitDir)
    if (packed.code !== 0) return flawOf(packed, 'loose objects cannot be read')
  }
  const packs = packsOf(gitDir)
  if (packs.length === 0) return null
  const indices = packs.map((pack) => join(gitDir, 'objects', 'pack', `${pack}.idx`))
  const verified = await callGit(context, [...PLAIN, `--git-dir=${gitDir}`, 'verify-pack', '--', ...indices], {
    silent: true,
  })
  return verified.code === 0 ? null : flawOf(verified, 'a pack is damaged')
}

/** `derived`: only what git derives from objects was damaged, and it is gone now. */
export type Verdict = 'whole' | 'derived' | { readonly flaw: string }

/** Failures that say nothing about the copy: nothing was read from it. */
const ELSEWHERE: ReadonlySet<string> = new Set(['disk_full', 'tool_missing', 'auth_rejected', 'address_forbidden'])
/** Failures in which git may have met a damaged byte. */
const DOUBTFUL: ReadonlySet<string> = new Set(['content_invalid', 'unknown'])

/** Looks at a copy that git failed with. */
export async function judgeCopy(context: SyncContext, gitDir: string, failure: SyncFailure): Promise<Verdict> {
  if (ELSEWHERE.has(failure.reason)) return 'whole'
  context.progress({ phase: 'verifying' })
  const flaw = await findFlaw(context, gitDir, { everyByte: DOUBTFUL.has(failure.reason) })
  if (flaw !== null) return { flaw }
  if (await isDerivedWhole(context, gitDir)) return 'whole'
  removeDerived(gitDir)
  context.log('what git derived from the objects of the copy was damaged: it was removed, git makes it anew')
  return 'derived'
}

async function isDerivedWhole(context: SyncContext, gitDir: string): Promise<boolean> {
  const objects = join(gitDir, 'objects')
  const checks: [string, string[]][] = [
    [join(objects, 'info', 'commit-graph'), ['commit-graph', 'verify', '--no-progress']],
    [join(objects, 'info', 'commit-graphs'), ['commit-graph', 'verify', '--no-progress']],
    [join(objects, 'pack', 'multi-pack-index'), ['multi-pack-index', 'verify', '--no-progress']],
  ]
  for (const [file, command] of checks) {
    if (!existsSync(file)) continue
    const exit = await callGit(context, [`--git-dir=${gitDir}`, ...command], { silent: true })
    if (exit.code !== 0) return false
  }
  return true
}

function flawOf(exit: Exit, otherwise: string): string {
  return mainLine(exit.tail) || otherwise
}

/** What git derived from objects: it is made anew whenever it is in doubt. Returns whether there was any. */
export function removeDerived(gitDir: string): boolean {
  const objects = join(gitDir, 'objects')
  const packs = filesIn(join(objects, 'pack')).filter((file) => file.startsWith('multi-pack-index'))
  const derived = [
    ...['commit-graph', 'commit-graphs']
      .filter((file) => existsSync(join(objects, 'info', file)))
      .map((file) => `info/${file}`),
    ...packs.map((file) => `pack/${file}`),
  ]
  for (const file of derived) rmSync(join(objects, file), { recursive: true, force: true })
  return derived.length > 0
}

function hasLooseObjects(gitDir: string): boolean {
  return filesIn(join(gitDir, 'objects')).some((folder) => /^[0-9a-f]{2}$/.test(folder))
}

/**
 * Whether about a week has passed since a date, ISO 8601; an invalid date is long ago. `key` spreads the moment over
 * two days, so that a worker does not check a thousand repositories in one hour.
 */
export function isWeekAgo(date: string, key: string): boolean {
  const spread = Buffer.from(key).reduce((sum, byte) => (sum * 31 + byte) % 1000, 0) / 1000
  return !(Date.now() - Date.parse(date) < WEEK_MS + spread * 2 * 24 * 3600_000)
}

/** Records that the copy is known to be whole now. */
export function recordCheck({ tree }: SyncContext): void {
  mkdirSync(tree.staging, { recursive: true })
  writeFileSync(join(tree.staging, 'checked'), new Date().toISOString())
}

function isMaintenanceDue({ tree }: SyncContext): boolean {
  const file = join(tree.staging, 'checked')
  if (!existsSync(file)) return false
  return isWeekAgo(readFileSync(file, 'utf8'), tree.staging)
}

function packsOf(gitDir: string): string[] {
  return filesIn(join(gitDir, 'objects', 'pack'))
    .filter((entry) => entry.endsWith('.idx'))
    .map((entry) => entry.slice(0, -'.idx'.length))
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/**
 * Moves the objects and refs of a fresh clone into a damaged repository: first the new objects, packs complete before
 * git sees their index; then the refs, in one step; then the damaged objects are removed. At every moment a reader
 * finds a repository with all objects of its refs, as far as they were not damaged.
 */
export function replaceObjects(fresh: string, damaged: string): void {
  const old = objectFiles(damaged)
  // What has the same name holds the same objects, undamaged: it replaces what is damaged.
  const parts = [...objectFiles(fresh)].sort((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')))
  for (const part of parts) {
    mkdirSync(join(damaged, 'objects', dirname(part)), { recursive: true })
    renameSync(join(fresh, 'objects', part), join(damaged, 'objects', part))
  }
  for (const file of ['packed-refs', 'shallow']) {
    if (existsSync(join(fresh, file))) renameSync(join(fresh, file), join(damaged, file))
    else rmSync(join(damaged, file), { force: true })
  }
  rmSync(join(damaged, 'refs'), { recursive: true, force: true })
  renameSync(join(fresh, 'refs'), join(damaged, 'refs'))
  const kept = new Set(parts)
  for (const file of old) if (!kept.has(file)) rmSync(join(damaged, 'objects', file), { force: true })
  for (const file of BORROWED) rmSync(join(damaged, 'objects', 'info', file), { force: true })
  removeDerived(damaged)
}

/** Whether objects must be checked after a fetch, because git did not check them as they came. */
export function mustCheck({ options }: SyncContext, { plain }: RemoteRefs): boolean {
  return plain === true && options['fsck'] !== false
}

/** Checks every object of a repository where that must be done. Throws SyncFailure content_invalid. */
export async function checkObjects(context: SyncContext, remote: RemoteRefs, gitDir: string): Promise<void> {
  if (!mustCheck(context, remote)) return
  context.progress({ phase: 'verifying' })
  const { exit } = await fsckWhole(context, gitDir, true)
  if (exit.code !== 0) throw gitFailure(exit)
}

/** The tree without entries, in either format. */
const EMPTY_TREES: ReadonlySet<string> = new Set([
  'missing tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  'missing tree 6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
])

interface Fsck {
  readonly exit: Exit
  readonly lacksEmptyTree: boolean
  /** The first line about an object that is missing or damaged; faults that objects have always had are none. */
  readonly damage: string | null
}

async function runFsck(context: SyncContext, gitDir: string, strict: boolean): Promise<Fsck> {
  const ignored = ignoredFaults('fsck', context.options['fsck_ignore']).flatMap((setting) => ['-c', setting])
  const flags = strict ? ['--strict'] : []
  let lacksEmptyTree = false
  let damage: string | null = null
  const exit = await callGit(
    context,
    [...ignored, ...PLAIN, `--git-dir=${gitDir}`, 'fsck', '--full', ...flags, '--no-dangling', '--no-progress'],
    {
      silent: true,
      onLine(line) {
        lacksEmptyTree ||= EMPTY_TREES.has(line)
        if (DAMAGE.test(line) && !EMPTY_TREES.has(line)) damage ??= line.replace(/^(error|fatal): /, '')
      },
    },
  )
  return { exit, lacksEmptyTree, damage }
}

/** `error in commit …` is a fault that the author made; a branch that is no commit is the upstream's. */
const DAMAGE = /^(missing|broken link|bad|corrupt|error:|fatal:)(?!.*not a commit)/

/** git knows the tree without entries by itself, so it does not fetch it; only fsck misses it: then it is written. */
async function fsckWhole(context: SyncContext, gitDir: string, strict: boolean): Promise<Fsck> {
  const first = await runFsck(context, gitDir, strict)
  if (first.exit.code === 0 || !first.lacksEmptyTree) return first
  const written = await callGit(context, [`--git-dir=${gitDir}`, 'hash-object', '-t', 'tree', '-w', '--stdin'], {
    stdin: '',
    silent: true,
  })
  if (written.code !== 0) throw gitFailure(written)
  return runFsck(context, gitDir, strict)
}

// maintenance.ts — Keeps a repository healthy over the years: weekly checks, repacking, and replacing damaged objects.
// Readers always find a repository.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { callGit } from './call.ts'
import { type Exit, type SyncContext } from '../../provider.ts'

const WEEK_MS = 7 * 24 * 3600_000
/** Number of packs above which they are combined. */
const PACKS_MAX = 20

const DAMAGE = new RegExp(
  [
    'does not match index|bad object refs|object file .* is empty|loose object .* is corrupt',
    'packfile .* (is invalid|cannot be accessed|is truncated)|unable to read sha1 file|pack has bad object',
    'inflate: data stream error|bad packed object|index file .* is too small',
  ].join('|'),
  'i',
)

/** Whether the end of git's output means that the copy on this disk is damaged, not the upstream. */
export function isDamaged(exit: Exit): boolean {
  return DAMAGE.test(exit.tail)
}

/** Checks every pack once a week and combines small ones. Returns false when the copy is damaged. */
export async function maintain(context: SyncContext, gitDir: string): Promise<boolean> {
  if (!isMaintenanceDue(context)) return true
  context.progress({ phase: 'verifying' })
  const packs = packsOf(gitDir)
  if (packs.length > 0) {
    const exit = await callGit(
      context,
      [
        `--git-dir=${gitDir}`,
        'verify-pack',
        '--',
        ...packs.map((pack) => join(gitDir, 'objects', 'pack', `${pack}.idx`)),
      ],
      { silent: true },
    )
    if (exit.code !== 0) return false
  }
  if (packs.length > PACKS_MAX)
    await callGit(context, [`--git-dir=${gitDir}`, 'repack', '-d', '-q', '--geometric=2'], { silent: true })
  await callGit(context, [`--git-dir=${gitDir}`, 'pack-refs', '--all'], { silent: true })
  await callGit(context, [`--git-dir=${gitDir}`, 'commit-graph', 'write', '--reachable', '--no-progress'], {
    silent: true,
  })
  recordCheck(context)
  context.log(`checked ${packs.length} packs; all are whole`)
  return true
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
  const folder = join(gitDir, 'objects', 'pack')
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((entry) => entry.endsWith('.idx'))
        .map((entry) => entry.slice(0, -'.idx'.length))
    : []
}

/**
 * Moves the objects and refs of a fresh clone into a damaged repository: first the new packs, complete before git sees
 * their index; then the refs, in one step; then the damaged objects are removed. At every moment a reader finds a
 * repository with all objects of its refs, as far as they were not damaged.
 */
export function replaceObjects(fresh: string, damaged: string): void {
  const into = join(damaged, 'objects', 'pack')
  mkdirSync(into, { recursive: true })
  const old = readdirSync(into)
  // A pack of the same name holds the same objects, undamaged: it replaces the damaged one.
  const parts = readdirSync(join(fresh, 'objects', 'pack')).sort(
    (a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')),
  )
  for (const part of parts) renameSync(join(fresh, 'objects', 'pack', part), join(into, part))
  if (existsSync(join(fresh, 'packed-refs'))) renameSync(join(fresh, 'packed-refs'), join(damaged, 'packed-refs'))
  rmSync(join(damaged, 'refs'), { recursive: true, force: true })
  renameSync(join(fresh, 'refs'), join(damaged, 'refs'))
  for (const entry of old) if (!parts.includes(entry)) rmSync(join(into, entry), { force: true })
  for (const entry of readdirSync(join(damaged, 'objects'))) {
    if (/^[0-9a-f]{2}$/.test(entry)) rmSync(join(damaged, 'objects', entry), { recursive: true, force: true })
  }
  rmSync(join(damaged, 'objects', 'info', 'commit-graph'), { force: true })
  rmSync(join(damaged, 'objects', 'info', 'commit-graphs'), { recursive: true, force: true })
}

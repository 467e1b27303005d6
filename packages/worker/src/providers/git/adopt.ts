// adopt.ts — Copies that were taken over may lean on something else: objects of another repository, a history that was
// cut off, objects that are fetched on demand. Here they are made to stand on their own.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { callGit } from './call.ts'
import { findFlaw } from './maintenance.ts'
import { BORROWED, listPacks, packFiles } from './repository.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'

/** Refuses a copy in a format that Kagami does not keep. Throws SyncFailure local_conflict. */
export function refuseFormat(gitDir: string): void {
  if (existsSync(join(gitDir, 'reftable')))
    throw new SyncFailure(
      'local_conflict',
      `${gitDir} keeps its refs as a reftable, and Kagami keeps them as files: run ` +
        '`git refs migrate --ref-format=files` there, or move it away and it is fetched anew',
    )
}

/**
 * Copies what is borrowed from other repositories. Returns what a look at the files shows to be wrong with the copy, so
 * that it must be fetched anew.
 */
export async function standAlone(context: SyncContext, gitDir: string): Promise<string | null> {
  const packs = packFiles(gitDir)
  if ([...packs].some((file) => file.endsWith('.promisor'))) return 'the copy is a partial clone, which lacks objects'
  // git writes the index last and removes it first.
  const lost = [...packs].find((file) => file.endsWith('.idx') && !packs.has(file.replace(/idx$/, 'pack')))
  if (lost !== undefined) return `the pack of ${lost} is lost`
  const borrowed = BORROWED.filter((file) => existsSync(join(gitDir, 'objects', 'info', file)))
  if (borrowed.length === 0) return null
  context.log('the copy uses objects of another repository: they are copied')
  const repacked = await callGit(
    context,
    ['-c', 'repack.writeBitmaps=false', `--git-dir=${gitDir}`, 'repack', '-a', '-d', '-n', '-q'],
    { silent: true },
  )
  listPacks(gitDir)
  if (repacked.code === 0) for (const file of borrowed) rmSync(join(gitDir, 'objects', 'info', file), { force: true })
  const flaw = await findFlaw(context, gitDir, { everyByte: false })
  return flaw === null ? null : `the copy used objects of another repository that are not there (${flaw})`
}

/**
 * Whether the history of a copy is cut off where the upstream was not seen to cut its own off: then a fetch must ask
 * for the rest.
 */
export function isCutShort({ tree }: SyncContext, gitDir: string): boolean {
  const boundary = boundaryOf(gitDir)
  return boundary !== null && boundary !== readOrNull(join(tree.staging, 'shallow-upstream'))
}

/** Records, after the rest was asked for, where the history of the upstream itself is cut off. */
export function recordBoundary({ tree, log }: SyncContext, gitDir: string): void {
  const boundary = boundaryOf(gitDir)
  if (boundary === null) return
  mkdirSync(tree.staging, { recursive: true })
  writeFileSync(join(tree.staging, 'shallow-upstream'), boundary)
  log('the upstream is a shallow repository: the copy has the history that the upstream has, and no more')
}

function boundaryOf(gitDir: string): string | null {
  return readOrNull(join(gitDir, 'shallow')) || null
}

function readOrNull(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

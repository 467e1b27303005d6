// head.ts — Where the HEAD of a copy points: at something the copy has, so that it can always be cloned. Starts no
// program.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../git/repository.ts'
import type { RemoteRefs } from './refs.ts'
import { bytesOf, nameOfBytes } from '../../names.ts'

type Refs = ReadonlyMap<string, string>

/** The commit of a detached HEAD that none of the upstream's refs names; null when there is none. */
export function looseHead({ head, headId, refs }: RemoteRefs): string | null {
  return head === null && headId !== null && ![...refs.values()].includes(headId) ? headId : null
}

/** What a choice of refs leaves of HEAD: itself where the choice has it, otherwise a branch that was chosen. */
export function chooseHead(remote: RemoteRefs): RemoteRefs {
  const { head, refs } = remote
  if (head === null ? looseHead(remote) === null : refs.has(head)) return remote
  const branch = branchAmong(refs)
  return { ...remote, head: branch, headId: branch === null ? null : (refs.get(branch) ?? null) }
}

function branchAmong(refs: Refs): string | null {
  for (const usual of ['refs/heads/main', 'refs/heads/master']) if (refs.has(usual)) return usual
  return [...refs.keys()].filter((name) => name.startsWith('refs/heads/')).sort()[0] ?? null
}

/** Whether the copy lacks only the commit that HEAD is detached at. */
export function lacksHead(gitDir: string, remote: RemoteRefs): boolean {
  const loose = looseHead(remote)
  return loose !== null && readHead(gitDir) !== loose
}

/**
 * Points HEAD where the upstream's points, and leaves it where the copy does not have that. `proved`: the commit of a
 * detached HEAD that was seen in the copy.
 */
export function writeHead(gitDir: string, remote: RemoteRefs, have: Refs, proved: string | null = null): void {
  const { head, headId, refs } = remote
  // A branch that the upstream itself does not have yet is where its first commit will be.
  if (head !== null && (have.has(head) || !refs.has(head))) return replaceHead(gitDir, `ref: ${head}`)
  if (head === null && headId !== null && (proved === headId || [...have.values()].includes(headId)))
    replaceHead(gitDir, headId)
  // Over plain http git does not see where a HEAD of exactly 40 letters leads: it takes it for a commit id.
  const branch = remote.plain && head === null && headId === null ? branchAmong(have) : null
  if (branch !== null) fillHead(gitDir, branch, have)
}

/** Makes a HEAD that cannot be read anew, so that git takes the folder for a repository. */
export function restoreHead(gitDir: string, remote: RemoteRefs, have: Refs): void {
  if (/^(ref: refs\/[^\u0000-\u0020]+|[0-9a-f]{40}|[0-9a-f]{64})$/.test(readHead(gitDir))) return
  const branch = remote.head ?? branchAmong(have) ?? 'refs/heads/main'
  replaceHead(gitDir, `ref: ${branch}`)
}

/** The commit that the HEAD of a copy is detached at; null when it names a ref. */
export function detachedHead(gitDir: string): string | null {
  const text = readHead(gitDir)
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : null
}

/** Points a HEAD that leads nowhere at a branch, so that a clone checks it out. */
export function fillHead(gitDir: string, branch: string, have: Refs): void {
  const named = /^ref: (.+)$/.exec(readHead(gitDir))?.[1]
  if (named !== undefined && !have.has(named)) replaceHead(gitDir, `ref: ${branch}`)
}

/** Writes HEAD: an object id, or `ref: <name>`. */
export function replaceHead(gitDir: string, text: string): void {
  if (readHead(gitDir) !== text) replaceFile(join(gitDir, 'HEAD'), bytesOf(`${text}\n`))
}

function readHead(gitDir: string): string {
  try {
    return nameOfBytes(readFileSync(join(gitDir, 'HEAD'))).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

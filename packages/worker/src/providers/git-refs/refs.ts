// refs.ts — The refs of a repository: read from disk, parsed from a listing, compared. Starts no program and opens no
// connection.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bytesOf, nameOfBytes, pathBytes, readEntries, removePath } from '../../names.ts'
import { replaceFile } from '../git/repository.ts'
import { isOwnRef } from './selection.ts'

/** What an upstream has. */
export interface RemoteRefs {
  /** Name → object id, without HEAD and without peeled entries. */
  readonly refs: ReadonlyMap<string, string>
  /** Annotated tag → the object it points at. */
  readonly peeled: ReadonlyMap<string, string>
  /** The branch HEAD names; null when HEAD is detached or not reported. */
  readonly head: string | null
  /** Object id of HEAD; null when it points at nothing. */
  readonly headId: string | null
  /** False when nothing shows that these are all: then none that is missing counts as gone. */
  readonly whole?: boolean
  /** Whether they come from a plain web server, over which git checks no object. */
  readonly plain?: boolean
  /** Whether the upstream gives objects by their ids: it speaks protocol v2. */
  readonly byId?: boolean
  /** Whether there are some that are not mirrored, because they would be taken for Kagami's own. */
  readonly hasOwn?: boolean
}

/** What a repository on disk has. */
export interface LocalRefs {
  /** Those that readers see: name → object id. */
  readonly refs: ReadonlyMap<string, string>
  /** Kagami's own: name → object id. */
  readonly own: ReadonlyMap<string, string>
  /** How many are files of their own. */
  readonly loose: number
  /** Aliases: name → the ref they point at, or nothing readable. */
  readonly symbolic: ReadonlyMap<string, string>
  /** Refs whose file cannot be read as one. */
  readonly broken: readonly string[]
  /** Whether every line of packed-refs can be read. */
  readonly packedWhole: boolean
}

export interface RefCollector {
  add(id: string, name: string): void
  head(target: string): void
  done(): RemoteRefs
}

/**
 * Gathers a listing entry by entry; `name^{}` is the peeled form of `name`. Names that are not below refs/ are ignored.
 */
export function createRefCollector(): RefCollector {
  const refs = new Map<string, string>()
  const peeled = new Map<string, string>()
  let head: string | null = null
  let headId: string | null = null
  let hasOwn = false
  return {
    add(id, name) {
      if (name === 'HEAD') headId = id
      else if (!name.startsWith('refs/')) return
      else if (isOwnRef(name)) hasOwn = true
      else if (name.endsWith('^{}')) peeled.set(name.slice(0, -3), id)
      else refs.set(name, id)
    },
    head(target) {
      if (isRefName(target)) head = target
    },
    done: () => ({ refs, peeled, head, headId, ...(hasOwn ? { hasOwn } : {}) }),
  }
}

/** Whether a name may be written into HEAD and refspecs: hostile upstreams must not reach another line or path. */
export function isRefName(name: string): boolean {
  return /^refs\/[^\u0000-\u0020\u007f~^:?*[\\]+$/.test(name) && !name.includes('..') && !name.includes('//')
}

/** Takes one line of `git ls-remote --symref`. */
export function collectLine(collector: RefCollector, line: string): boolean {
  const symref = /^ref: (\S+)\tHEAD$/.exec(line)
  if (symref?.[1]) {
    collector.head(symref[1])
    return true
  }
  const tab = line.indexOf('\t')
  const id = line.slice(0, tab)
  if (tab < 40 || !/^[0-9a-f]{40,64}$/.test(id)) return false
  collector.add(id, line.slice(tab + 1))
  return true
}

/**
 * Reads packed and loose refs and removes lock files a killed run left. Call only while no other process works in
 * `gitDir`.
 */
export function readLocalRefs(gitDir: string): LocalRefs {
  const { refs, whole } = readPacked(join(gitDir, 'packed-refs'))
  const found: LooseRefs = { refs, symbolic: new Map(), broken: [], loose: 0 }
  readLoose(gitDir, 'refs', found)
  const own = new Map([...refs].filter(([name]) => isOwnRef(name)))
  for (const name of own.keys()) refs.delete(name)
  return { refs, own, loose: found.loose, symbolic: found.symbolic, broken: found.broken, packedWhole: whole }
}

/**
 * Reads the refs after aliases became refs of their own and what cannot be read was removed: git refuses to work beside
 * it, and the upstream has it.
 */
export function settleRefs(gitDir: string, log: (line: string) => void): LocalRefs {
  const local = readLocalRefs(gitDir)
  const { refs, symbolic, broken, packedWhole } = local
  if (symbolic.size === 0 && broken.length === 0 && packedWhole) return local
  for (const [name, target] of symbolic) {
    const id = refs.get(symbolic.get(target) ?? target)
    log(`${name} is an alias of ${target}: ${id ? 'it becomes a ref of its own' : 'it is removed'}`)
    if (id) replaceFile(join(gitDir, name), `${id}\n`)
    else removePath(join(gitDir, name))
  }
  for (const name of broken) {
    log(`${name} of the copy cannot be read: it is ${isOwnRef(name) ? 'removed' : 'fetched again'}`)
    removePath(join(gitDir, name))
  }
  if (!packedWhole) {
    log('packed-refs of the copy is damaged: what is missing in it is fetched again')
    const lines = [...readPacked(join(gitDir, 'packed-refs')).refs].map(([name, id]) => bytesOf(`${id} ${name}\n`))
    const byName = (one: Buffer, other: Buffer) =>
      Buffer.compare(one.subarray(one.indexOf(32)), other.subarray(other.indexOf(32)))
    const header = Buffer.from('# pack-refs with: sorted \n')
    replaceFile(join(gitDir, 'packed-refs'), Buffer.concat([header, ...lines.sort(byName)]))
  }
  return readLocalRefs(gitDir)
}

const ID = /^([0-9a-f]{40}|[0-9a-f]{64})$/

function readPacked(file: string): { refs: Map<string, string>; whole: boolean } {
  const refs = new Map<string, string>()
  const text = readOrEmpty(file)
  let whole = text === '' || text.endsWith('\n')
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from)
    // Half a line is half a name.
    if (end < 0) break
    const first = text.charCodeAt(from)
    // '#' begins the header, '^' the peeled id of the line before.
    if (first !== 35 && first !== 94) {
      const space = text.indexOf(' ', from)
      const id = space < end ? text.slice(from, space) : ''
      if (ID.test(id) && text.startsWith('refs/', space + 1)) refs.set(text.slice(space + 1, end), id)
      else whole = false
    } else if (first === 94 && !ID.test(text.slice(from + 1, end))) whole = false
    else if (first === 35 && from > 0) whole = false
    from = end + 1
  }
  return { refs, whole }
}

interface LooseRefs {
  readonly refs: Map<string, string>
  readonly symbolic: Map<string, string>
  readonly broken: string[]
  loose: number
}

function readLoose(gitDir: string, folder: string, found: LooseRefs): void {
  for (const entry of readEntries(join(gitDir, folder))) {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) readLoose(gitDir, name, found)
    else if (entry.name.endsWith('.lock')) rmSync(pathBytes(join(gitDir, name)), { force: true })
    else {
      const text = readOrEmpty(join(gitDir, name)).trim()
      found.loose++
      if (ID.test(text)) found.refs.set(name, text)
      else if (text.startsWith('ref: ')) found.symbolic.set(name, text.slice(5).trim())
      else found.broken.push(name)
    }
  }
}

function readOrEmpty(file: string): string {
  try {
    return nameOfBytes(readFileSync(pathBytes(file)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Whether the copy has exactly the refs of the upstream. */
export function sameRefs(local: ReadonlyMap<string, string>, remote: ReadonlyMap<string, string>): boolean {
  if (local.size !== remote.size) return false
  for (const [name, id] of remote) if (local.get(name) !== id) return false
  return true
}

/** Refs of the upstream that a copy has not, or has elsewhere: name → object id. */
export function changedRefs(
  local: ReadonlyMap<string, string>,
  remote: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map([...remote].filter(([name, id]) => local.get(name) !== id))
}

/** Those of `gone` that must go before the others can come: `a` cannot be a ref beside `a/b`. */
export function inTheWay(gone: readonly string[], coming: ReadonlyMap<string, string>): string[] {
  if (gone.length === 0) return []
  const folders = new Set([...coming.keys()].flatMap(foldersOf))
  return gone.filter((name) => folders.has(name) || foldersOf(name).some((folder) => coming.has(folder)))
}

function foldersOf(name: string): string[] {
  const parts = name.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

/** The text of `info/refs`, by which the repository can be cloned from a plain web server. */
export function infoRefs(local: ReadonlyMap<string, string>, peeled: ReadonlyMap<string, string>): string {
  const lines: string[] = []
  for (const name of [...local.keys()].sort()) {
    lines.push(`${local.get(name)}\t${name}\n`)
    const target = peeled.get(name)
    if (target) lines.push(`${target}\t${name}^{}\n`)
  }
  return lines.join('')
}

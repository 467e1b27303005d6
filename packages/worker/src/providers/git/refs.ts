// refs.ts — The refs of a repository: read from disk, parsed from a listing, compared. Starts no program and opens no
// connection.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

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
}

/** What a repository on disk has. */
export interface LocalRefs {
  readonly refs: ReadonlyMap<string, string>
  /** How many are files of their own. */
  readonly loose: number
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
  return {
    add(id, name) {
      if (name === 'HEAD') headId = id
      else if (!name.startsWith('refs/')) return
      else if (name.endsWith('^{}')) peeled.set(name.slice(0, -3), id)
      else refs.set(name, id)
    },
    head(target) {
      if (isRefName(target)) head = target
    },
    done: () => ({ refs, peeled, head, headId }),
  }
}

/** Whether a name may be written into HEAD: hostile upstreams must not reach another line or path. */
function isRefName(name: string): boolean {
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
  const refs = readPacked(join(gitDir, 'packed-refs'))
  const loose = readLoose(gitDir, 'refs', refs)
  return { refs, loose }
}

function readPacked(file: string): Map<string, string> {
  const refs = new Map<string, string>()
  const text = readOrEmpty(file)
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from)
    const stop = end < 0 ? text.length : end
    const first = text.charCodeAt(from)
    // '#' begins the header, '^' the peeled id of the line before.
    if (first !== 35 && first !== 94) {
      const space = text.indexOf(' ', from)
      if (space > 0 && space < stop) refs.set(text.slice(space + 1, stop), text.slice(from, space))
    }
    from = stop + 1
  }
  return refs
}

function readLoose(gitDir: string, folder: string, into: Map<string, string>): number {
  let count = 0
  for (const entry of readdirSync(join(gitDir, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) count += readLoose(gitDir, name, into)
    else if (entry.name.endsWith('.lock')) rmSync(join(gitDir, name), { force: true })
    else {
      into.set(name, readOrEmpty(join(gitDir, name)).trim())
      count++
    }
  }
  return count
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
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

// remove-kept.ts — Deletes single files and empty folders of a tree by our own hands: through real folders alone, so
// that no link leads out of it, and without changing the times of the folders, to the microsecond.
import { lstatSync, rmdirSync, unlinkSync, utimesSync, type BigIntStats } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathBytes } from '../names.ts'

const BREATHE_EVERY = 2000
/** There is something in it, or no such folder. */
const IN_USE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'])

/** Told what this machine refuses; without it the first refusal is thrown. */
type Refused = (error: Error) => void

const thrown: Refused = (error) => {
  throw error
}

/** Deletes files and links below a folder, through real folders alone; those keep their times. */
export async function removeFiles(folder: string, paths: Iterable<string>, refused: Refused = thrown): Promise<void> {
  const parents = new Map<string, BigIntStats | null>()
  const parentOf = (path: string): BigIntStats | null => {
    const known = parents.get(path)
    if (known !== undefined) return known
    const above = path === '.' || parentOf(dirname(path)) !== null
    const found = above ? lookAt(join(folder, path)) : undefined
    const parent = found?.isDirectory() ? found : null
    parents.set(path, parent)
    return parent
  }
  const changed = new Set<string>()
  let count = 0
  for (const path of paths) {
    if (++count % BREATHE_EVERY === 0) await yieldToOthers()
    const found = parentOf(dirname(path)) ? lookAt(join(folder, path)) : undefined
    if (!found || found.isDirectory()) continue
    try {
      unlinkSync(pathBytes(join(folder, path)))
      changed.add(dirname(path))
    } catch (error) {
      refused(error as Error)
    }
  }
  for (const path of changed) setTimes(join(folder, path), parents.get(path)!)
}

/** Deletes folders that are empty, those further down first; none through a link. Those above keep their times. */
export function removeEmptyFolders(folder: string, paths: Iterable<string>, refused: Refused = thrown): void {
  for (const path of [...paths].sort((a, b) => b.split('/').length - a.split('/').length)) {
    const above = path.split('/').map((_, index, parts) => parts.slice(0, index).join('/'))
    const parents = above.map((part) => lookAt(join(folder, part)))
    const parent = parents.at(-1)
    if (!parent || !parents.every((one) => one?.isDirectory())) continue
    try {
      rmdirSync(pathBytes(join(folder, path)))
    } catch (error) {
      if (!IN_USE.has((error as NodeJS.ErrnoException).code ?? '')) refused(error as Error)
      continue
    }
    setTimes(join(folder, above.at(-1)!), parent)
  }
}

function setTimes(path: string, { atimeNs, mtimeNs }: BigIntStats): void {
  utimesSync(pathBytes(path), secondsOf(atimeNs), secondsOf(mtimeNs))
}

/** Half a microsecond more, since the fraction is cut off to whole ones: never the next second. */
const secondsOf = (ns: bigint): number => Number(ns / 1000n) / 1e6 + 0.5e-6

/** Nothing is below a file. */
function lookAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(pathBytes(path), { throwIfNoEntry: false, bigint: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined
    throw error
  }
}

/** Lets everything else in the process have its turn. */
const yieldToOthers = () => new Promise((resolve) => setImmediate(resolve))

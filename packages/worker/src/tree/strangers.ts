// strangers.ts — Folders in a data_dir that belong to no replica. Looks only; moves and removes nothing.
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { replicaNameProblem } from '@kagami/protocol'
import { pathBytes, readEntries, showName } from '../names.ts'
import { readMarker, type Marker } from './marker.ts'
import { isSafeId } from './paths.ts'

/** A folder that belongs to no replica. */
export interface Stranger {
  /** Strange bytes as octal numbers. */
  readonly name: string
  readonly path: string
  /** Bytes on the disk, hard links counted once; null when a part cannot be read. */
  readonly bytes: number | null
  readonly files: number | null
  /** Of which upstream Kagami filled it; null when it is not known, or it was not Kagami. */
  readonly mirrored: { readonly kind: string; readonly upstream: string } | null
}

/** The folders below data_dir that none of these replicas has, by name, each measured. */
export function findStrangers(dataDir: string, replicas: ReadonlySet<string>): Stranger[] {
  const generations = join(dataDir, '.generations')
  const names = [...foldersIn(dataDir), ...foldersIn(generations)].filter(
    (name) => !replicas.has(name) && !name.startsWith('.') && name !== 'lost+found',
  )
  return [...new Set(names)].sort().map((name) => {
    const kept = join(generations, name)
    const path = join(dataDir, name)
    const marker = markerIn(dataDir, name)
    return {
      name: showName(name),
      path: showName(isThere(path) ? path : kept),
      ...measure([path, kept]),
      mirrored: marker?.name === name ? { kind: marker.kind, upstream: marker.upstream } : null,
    }
  })
}

/** Folders, and links, as a tree with generations is published by one. */
function foldersIn(folder: string): string[] {
  if (!isThere(folder)) return []
  return readEntries(folder)
    .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && replicaNameProblem(entry.name) === null))
    .map((entry) => entry.name)
}

function isThere(path: string): boolean {
  return lstatSync(pathBytes(path), { throwIfNoEntry: false }) !== undefined
}

function markerIn(dataDir: string, name: string): Marker | null {
  try {
    return isSafeId(name) ? readMarker(dataDir, name) : null
  } catch {
    return null
  }
}

/** Size and number of the files in trees; links are not followed. */
function measure(roots: readonly string[]): Pick<Stranger, 'bytes' | 'files'> {
  const seen = new Set<string>()
  let [bytes, files] = [0, 0]
  const rest = roots.filter((root) => isThere(root) && lstatSync(pathBytes(root)).isDirectory())
  try {
    for (let folder = rest.pop(); folder !== undefined; folder = rest.pop()) {
      for (const entry of readEntries(folder)) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) rest.push(path)
        const { dev, ino, nlink, blocks } = lstatSync(pathBytes(path))
        const key = `${dev}:${ino}`
        if (!entry.isDirectory() && nlink > 1 && seen.has(key)) continue
        if (!entry.isDirectory() && nlink > 1) seen.add(key)
        bytes += blocks * 512
        files += entry.isFile() ? 1 : 0
      }
    }
    return { bytes, files }
  } catch {
    return { bytes: null, files: null }
  }
}

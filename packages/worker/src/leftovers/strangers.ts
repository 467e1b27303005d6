// strangers.ts — Folders in a data_dir that belong to no replica. Looks only; moves and removes nothing.
import { lstatSync, readdirSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { replicaNameProblem } from '@kagami/protocol'
import { bytesOf, pathBytes, readEntries, showName } from '../names.ts'
import { batchesOf, type Rest } from './gently.ts'
import { readMarker, type Marker } from '../tree/marker.ts'
import { isSafeId, paths } from '../tree/paths.ts'

/** A folder that belongs to no replica. */
export interface Stranger {
  /** Strange bytes as octal numbers. */
  readonly name: string
  /** The name as it is on the disk, see names.ts. */
  readonly entry: string
  readonly path: string
  /** Of which upstream Kagami filled it; null when it is not known, or it was not Kagami. */
  readonly mirrored: { readonly kind: string; readonly upstream: string; readonly replica_id: string } | null
  /** Absolute paths of the trees it consists of. */
  readonly roots: readonly string[]
}

/** The size of a folder; null when a part of it cannot be read. */
export interface Size {
  /** Bytes on the disk, hard links counted once. */
  readonly bytes: number | null
  readonly files: number | null
}

const UNKNOWN: Size = { bytes: null, files: null }
/** Files with several names that are remembered, so that each counts once. With more the size stays unknown. */
const LINKED_MAX = 1_000_000

/** The folders below data_dir that none of these replicas has, by name. */
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
      entry: name,
      path: showName(isThere(path) ? path : kept),
      mirrored: marker?.name === name ? originOf(marker) : null,
      roots: [path, kept].filter(isFolder),
    }
  })
}

/** Names whose files are on the way to another name. */
export function namesInTransit(dataDir: string): string[] {
  if (!isThere(paths.markers(dataDir))) return []
  return readdirSync(paths.markers(dataDir)).flatMap((file) => {
    const name = file.replace(/\.json$/, '')
    return markerIn(dataDir, name)?.renamed_from ?? []
  })
}

/** The size of the trees together; links are not followed. Never blocks for long. */
export async function measureTrees(roots: readonly string[], rest?: Rest): Promise<Size> {
  const seen = new Set<string>()
  const sum = { bytes: 0, files: 0 }
  const open = roots.map((root) => bytesOf(root))
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for await (const batch of readableBatches(folder)) {
      const stats = await Promise.all(batch.map(statOf))
      await rest?.()
      for (const [index, stat] of stats.entries()) {
        if (stat === null) return UNKNOWN
        if (stat.isDirectory()) open.push(batch[index]!)
        else if (stat.nlink > 1) {
          const key = `${stat.dev}:${stat.ino}`
          if (seen.has(key)) continue
          seen.add(key)
        }
        sum.bytes += stat.blocks * 512
        sum.files += stat.isFile() ? 1 : 0
      }
      if (seen.size > LINKED_MAX) return UNKNOWN
    }
  }
  return sum
}

/** The entries of a folder; one that does not exist when it cannot be read. */
async function* readableBatches(folder: Buffer): AsyncGenerator<Buffer[]> {
  try {
    yield* batchesOf(folder)
  } catch {
    yield [Buffer.alloc(0)]
  }
}

async function statOf(path: Buffer) {
  try {
    return await lstat(path)
  } catch {
    return null
  }
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

function isFolder(path: string): boolean {
  return lstatSync(pathBytes(path), { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Null when the address has a password, which no list may show. */
function originOf({ kind, upstream, replica_id }: Marker): Stranger['mirrored'] {
  return /^[a-z]+:\/\/[^/@]*:[^/]*@/i.test(upstream) ? null : { kind, upstream, replica_id }
}

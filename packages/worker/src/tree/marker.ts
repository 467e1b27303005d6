// marker.ts — The mark of a replica: whose files are in the folder of its name. Below .kagami, never in the folder.
import { existsSync, readdirSync } from 'node:fs'
import type { ReplicaSpec } from '@kagami/protocol'
import { readIfThere, writeDurably } from '@kagami/runtime'
import { SyncFailure, type Reach } from '../provider.ts'
import { paths } from './paths.ts'

/** What is known of the files in the folder of a name. */
export interface Marker {
  readonly replica_id: string
  readonly kind: string
  readonly upstream: string
  readonly name: string
  readonly reach?: Reach
  /** The name they have been moved from, while that is under way. */
  readonly renamed_from?: string
}

/** The mark of a replica, without what only a run finds out. */
export function markerOf({
  replica_id,
  kind,
  upstream,
  name,
}: Pick<ReplicaSpec, 'replica_id' | 'kind' | 'upstream' | 'name'>): Marker {
  return { replica_id, kind, upstream, name }
}

/** Writes the mark of the name in it; it survives a power cut. */
export function writeMarker(dataDir: string, marker: Marker): void {
  writeDurably(paths.marker(dataDir, marker.name), `${JSON.stringify(marker)}\n`, 0o640)
}

/** The name under which the files of a replica are; null when it has none. Reads every mark: for rare cases only. */
export function nameOfReplica(dataDir: string, replicaId: string): string | null {
  const folder = paths.markers(dataDir)
  if (!existsSync(folder)) return null
  for (const file of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
    try {
      const mark = readMarker(dataDir, file.slice(0, -'.json'.length))
      if (mark?.replica_id === replicaId) return mark.name
    } catch {
      // A mark that cannot be read is of no known replica.
    }
  }
  return null
}

/** The mark of a name; null when there is none. Throws SyncFailure local_conflict when it cannot be read. */
export function readMarker(dataDir: string, name: string): Marker | null {
  const path = paths.marker(dataDir, name)
  const text = readIfThere(path)
  if (text === null) return null
  try {
    const { reach, renamed_from, ...marker } = JSON.parse(text) as Marker
    if ([marker.replica_id, marker.kind, marker.upstream, marker.name].every((field) => typeof field === 'string')) {
      return {
        ...markerOf(marker),
        ...(reach === 'public' || reach === 'private' ? { reach } : {}),
        ...(typeof renamed_from === 'string' ? { renamed_from } : {}),
      }
    }
  } catch {
    // Falls through: a marker that cannot be read proves nothing.
  }
  throw new SyncFailure(
    'local_conflict',
    `${path} cannot be read as the mark of a mirror: remove it if ${paths.published(dataDir, name)} is yours ` +
      'to replace',
  )
}

// marker.ts — The mark of a replica: whose files are in the folder of its name. Below .kagami, never in the folder.
import { existsSync, readdirSync } from 'node:fs'
import { KeptFiles, LeftOut, Nullable, type ReplicaSpec } from '@kagami/protocol'
import { ConfigError, openStateFile, sealedJson, type Damage, type StateFile } from '@kagami/runtime'
import Type, { type Static } from 'typebox'
import { localFailure } from '../local-failure.ts'
import { SyncFailure, type Reach } from '../provider.ts'
import { isSafeId, paths } from './paths.ts'

/** What is known of the files in the folder of a name. */
export interface Marker {
  readonly replica_id: string
  readonly kind: string
  readonly upstream: string
  readonly name: string
  readonly reach?: Reach
  /** Whether the folder was a disk of its own when it was last published. */
  readonly device?: 'own' | 'shared'
  /** Inode of that folder: by it the folder is found again where somebody moved it. */
  readonly inode?: string
  /** The upstream as the last whole sync found it. */
  readonly trace?: KnownTrace
  /** Files of something else were taken over, and no sync has succeeded since. */
  readonly adopting?: boolean
  /** The folder was there before Kagami, and was taken over. */
  readonly adopted?: boolean
  /** The name they have been moved from, while that is under way. */
  readonly renamed_from?: string
}

const KnownTrace = Type.Object({
  /** Of the trace, the upstream and the options. */
  digest: Type.String(),
  /** When it was read, before the tree was listed. */
  at: Type.String(),
  /** What the report of that sync said. */
  note: Nullable(Type.String()),
  left_out: Nullable(LeftOut),
  kept_files: Type.Optional(Nullable(KeptFiles)),
})
/** How an upstream was found when a sync brought all of it. */
export type KnownTrace = Static<typeof KnownTrace>

const Mark = Type.Object({
  replica_id: Type.String(),
  kind: Type.String(),
  upstream: Type.String(),
  name: Type.String(),
  reach: Type.Optional(Type.Enum(['public', 'private'])),
  device: Type.Optional(Type.Enum(['own', 'shared'])),
  inode: Type.Optional(Type.String()),
  trace: Type.Optional(KnownTrace),
  adopting: Type.Optional(Type.Boolean()),
  adopted: Type.Optional(Type.Boolean()),
  renamed_from: Type.Optional(Type.String()),
})

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
  fileOf(dataDir, marker.name).write(marker)
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

/** Whether any name has a mark. */
export function hasMarks(dataDir: string): boolean {
  const folder = paths.markers(dataDir)
  return existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.json'))
}

/** The mark of a name; null when there is none. Throws SyncFailure when it cannot be read. */
export function readMarker(dataDir: string, name: string): Marker | null {
  const file = fileOf(dataDir, name)
  try {
    const kept = file.read()
    return (
      kept && {
        ...markerOf(kept),
        ...(kept.reach === undefined ? {} : { reach: kept.reach }),
        ...(kept.device === undefined ? {} : { device: kept.device }),
        ...(kept.inode === undefined ? {} : { inode: kept.inode }),
        ...(kept.trace === undefined ? {} : { trace: kept.trace }),
        ...(kept.adopting === undefined ? {} : { adopting: kept.adopting }),
        ...(kept.adopted === undefined ? {} : { adopted: kept.adopted }),
        ...(kept.renamed_from === undefined ? {} : { renamed_from: kept.renamed_from }),
      }
    )
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // A disk that fails says nothing of what is on it.
    const refused = localFailure(error, dataDir)
    if (refused) throw refused
    throw new SyncFailure(
      'local_conflict',
      `${error.message}. It is the mark of a mirror: remove it if ${paths.published(dataDir, name)} is yours to ` +
        'replace',
    )
  }
}

/** Removes the mark of a name; it stays removed after a power cut. */
export function removeMarker(dataDir: string, name: string): void {
  fileOf(dataDir, name).remove()
}

/**
 * Uses the version before it in place of each damaged mark, and sets the damaged one aside. What has no earlier version
 * stays where it is: its replica fails, and says why.
 */
export function mendMarkers(dataDir: string, onDamage: (damage: Damage) => void): void {
  const names = readdirSync(paths.markers(dataDir)).flatMap(
    (file) => /^(.+)\.json(?:\.previous)?$/.exec(file)?.[1] ?? [],
  )
  for (const name of new Set(names)) {
    try {
      fileOf(dataDir, name, onDamage).read()
    } catch (error) {
      if (!isSafeId(name) || !(error instanceof ConfigError)) continue
      const path = paths.marker(dataDir, name)
      const problem = error.message.replace(`${path} `, '')
      onDamage({ path, problem, instead: null, aside: null, without: 'its replica does not sync until it is mended' })
    }
  }
}

function fileOf(dataDir: string, name: string, onDamage?: (damage: Damage) => void): StateFile<Static<typeof Mark>> {
  return openStateFile({ path: paths.marker(dataDir, name), form: sealedJson(Mark), mode: 0o640, onDamage })
}

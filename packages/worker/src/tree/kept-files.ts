// kept-files.ts — Which files of a copy stay readable after the upstream removed them, and until when: kept beside the
// marks, by the name of the replica. Without it, what the upstream lacks counts as removed just now.
import { existsSync, renameSync } from 'node:fs'
import { openStateFile, previousOf, sealedJson, type StateFile } from '@kagami/runtime'
import Type, { type Static } from 'typebox'
import { flushPath } from './flush.ts'
import { paths } from './paths.ts'
import type { KeptRecord } from '../provider.ts'

const Record = Type.Object({ files: Type.Array(Type.Tuple([Type.String(), Type.Number()])) })
const WITHOUT =
  'what the upstream lacks counts as removed just now: the deletion guard is asked again, and it is kept for its time'

/** The record of the replica with this name. */
export function keptRecordOf(dataDir: string, name: string): KeptRecord {
  return {
    read(log) {
      let whole = true
      const file = fileOf(dataDir, name, (line) => {
        whole = false
        log(line)
      })
      const kept = file.read()
      if (whole) return new Map(kept?.files)
      // The version before it may name what the upstream has had again since, with an end that is over.
      file.remove()
      return new Map()
    },
    write(kept) {
      const file = fileOf(dataDir, name, () => {})
      if (kept.size > 0) file.write({ files: [...kept] })
      else if (existsSync(file.path)) file.remove()
    },
  }
}

/** Forgets the record of a name; it stays forgotten after a power cut. */
export function forgetKeptFiles(dataDir: string, name: string): void {
  fileOf(dataDir, name, () => {}).remove()
}

/** Gives a record another name. One that a crash leaves behind counts as lost. */
export function renameKeptFiles(dataDir: string, was: string, name: string): void {
  renameRecord(paths.keptFiles(dataDir, was), paths.keptFiles(dataDir, name))
  flushPath(paths.own(dataDir))
}

/** Gives the file of a record, where there is one, and the version before it another path. */
export function renameRecord(from: string, to: string): void {
  for (const [old, fresh] of [
    [previousOf(from), previousOf(to)],
    [from, to],
  ] as const) {
    try {
      renameSync(old, fresh)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

function fileOf(dataDir: string, name: string, log: (line: string) => void): StateFile<Static<typeof Record>> {
  return openStateFile({
    path: paths.keptFiles(dataDir, name),
    form: sealedJson(Record),
    mode: 0o640,
    without: WITHOUT,
    onDamage: ({ path, problem, aside }) =>
      log(`${path} ${problem}; ${WITHOUT}${aside === null ? '' : `. The damaged one is kept as ${aside}`}`),
  })
}

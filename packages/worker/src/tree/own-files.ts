// own-files.ts — Which files of a folder that was taken over are not Kagami's: kept beside the marks, by the name of
// the replica, so that it survives restarts, renaming and the loss of all else. The mark says that there is a record.
import { openStateFile, sealedJson, type StateFile } from '@kagami/runtime'
import Type from 'typebox'
import { flushPath } from './flush.ts'
import { renameRecord } from './kept-files.ts'
import { readMarker } from './marker.ts'
import { paths } from './paths.ts'
import type { OwnFiles } from '../provider.ts'

const Record = Type.Object({ paths: Type.Array(Type.String()) })

/** The record of the replica with this name. `takesOver`: whether the run found files of something else. */
export function ownFilesOf(dataDir: string, name: string, takesOver: () => boolean): OwnFiles {
  return {
    read(log) {
      const marker = readMarker(dataDir, name)
      if (marker === null && takesOver()) return 'unknown'
      if (marker?.adopted !== true) return null
      return fileOf(dataDir, name, log).read()?.paths ?? 'unknown'
    },
    write: (own) => fileOf(dataDir, name, () => {}).write({ paths: [...own] }),
  }
}

/** Forgets the record of a name; it stays forgotten after a power cut. */
export function forgetOwnFiles(dataDir: string, name: string): void {
  fileOf(dataDir, name, () => {}).remove()
}

/** Gives a record another name. One that a crash leaves behind counts as lost: then nothing unknown is deleted. */
export function renameOwnFiles(dataDir: string, was: string, name: string): void {
  renameRecord(paths.ownFiles(dataDir, was), paths.ownFiles(dataDir, name))
  flushPath(paths.own(dataDir))
}

function fileOf(dataDir: string, name: string, log: (line: string) => void): StateFile<{ paths: string[] }> {
  return openStateFile({
    path: paths.ownFiles(dataDir, name),
    form: sealedJson(Record),
    mode: 0o640,
    without: 'until it is known again, nothing is deleted but what Kagami remembers to have fetched',
    onDamage: ({ path, problem, instead, aside, without }) =>
      log(
        `${path} ${problem}; ${instead === null ? without : 'the version before it is used'}` +
          (aside === null ? '' : `. The damaged one is kept as ${aside}`),
      ),
  })
}

// identity.ts — The worker's id: configured, or made once and kept in data_dir/.kagami/worker-id. It is never guessed:
// when its file is damaged, the other files that name it are asked.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WORKER_ID_PATTERN, type Desired } from '@kagami/protocol'
import {
  ConfigError,
  copyOfLine,
  newId,
  oneLine,
  openStateFile,
  previousOf,
  type Damage,
  type StateFile,
} from '@kagami/runtime'
import { ownerOfCredentials } from './edge/enrol.ts'

/** What knows the id besides its file. */
export interface IdentityParts {
  /** data_dir/.kagami */
  readonly directory: string
  readonly onDamage?: ((damage: Damage) => void) | undefined
  readonly desired: () => Desired | null
}

const isId = (text: string) => new RegExp(WORKER_ID_PATTERN).test(text)
/** The ids that workers make themselves. */
const MADE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const WITHOUT = 'the id of worker.toml is written to it'
const CURE =
  'Set worker_id in worker.toml to the id that `kagami workers` shows for this worker. For a new worker, use an ' +
  'empty data_dir.'

/** A worker's id. */
export interface Identity {
  readonly id: string
  /** Writes the id into data_dir, if it is not there yet. */
  keep(): void
  /** Whether it is there. */
  readonly kept: boolean
}

/**
 * The id of the worker of a data_dir; made at its first start, and not written before `keep`: the folder may be what is
 * left where a disk is not mounted. Throws ConfigError when it must not be guessed.
 */
export function identityOf(parts: IdentityParts, configured: string | null): Identity {
  const { id, write } = findId(parts, configured)
  let missing = write
  return {
    id,
    keep() {
      missing?.()
      missing = null
    },
    get kept() {
      return missing === null
    },
  }
}

interface Found {
  readonly id: string
  /** Null when it is in its file. */
  readonly write: (() => void) | null
}

function findId(parts: IdentityParts, configured: string | null): Found {
  const path = join(parts.directory, 'worker-id')
  const others = otherIds(parts)
  const copy = readCopy(path)
  // A part of an id looks like an id too.
  const whole = (text: string) =>
    isId(text) && (MADE.test(text) || (others.length === 0 && copy === null) || [...others, copy].includes(text))
  const kept = { path, copyForm: copyOfLine(isId), onDamage: parts.onDamage }
  if (configured) {
    const file = openStateFile<string>({ ...kept, form: oneLine(isId), judge: () => 'own', without: WITHOUT })
    const before = file.read()
    if (before !== null && before !== configured) file.write(configured)
    return { id: configured, write: before === null ? () => file.write(configured) : null }
  }
  const file = openStateFile<string>({
    ...kept,
    form: oneLine(whole),
    elsewhere: () => (others.length === 1 ? others[0]! : null),
    judge: (id) => (others.includes(id) ? 'own' : 'unclear'),
    cure: CURE,
  })
  const id = file.read()
  if (id !== null && (id === copy || others.length === 0 || others.includes(id))) return { id, write: null }
  if (others.length > 0) refuseOther(path, id, others)
  return id === null ? makeId(file, parts.directory) : { id, write: null }
}

function readCopy(path: string): string | null {
  try {
    return copyOfLine(isId).read(readFileSync(previousOf(path), 'utf8'))
  } catch {
    return null
  }
}

/** Ids in other files of the directory, without repetition. */
function otherIds({ directory, desired }: IdentityParts): string[] {
  return [...new Set([desired()?.worker_id, ownerOfCredentials(directory)?.workerId])].flatMap((id) => (id ? [id] : []))
}

function makeId(file: StateFile<string>, directory: string): Found {
  const before = ['replicas', 'trees'].find((folder) => hasRecords(join(directory, folder)))
  if (before)
    throw new ConfigError(
      `${file.path} is missing, although a worker ran here before (${join(directory, before)} has its records); ` +
        'nothing was changed',
      CURE,
    )
  const id = newId()
  return { id, write: () => file.write(id) }
}

function refuseOther(path: string, kept: string | null, others: readonly string[]): never {
  throw new ConfigError(
    `${path} ${kept === null ? 'is missing' : `holds ${kept}`}, and other files beside it are of worker ` +
      `${others.join(' and ')}; nothing was changed`,
    CURE,
  )
}

function hasRecords(folder: string): boolean {
  try {
    return readdirSync(folder).some((file) => file.endsWith('.json'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

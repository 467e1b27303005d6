// plan.ts — What a text that declares replicas would change on a worker. Decides by the rules by which replicas are
// added and edited; changes nothing.
import {
  changesOf,
  checkFor,
  Refusal,
  replicaNameKey,
  routes,
  type ImportFormat,
  type ImportPlan,
  type ImportRow,
  type ImportText,
  type ReplicaPatch,
  type ReplicaSpec,
} from '@kagami/protocol'
import { ConfigError, parseToml } from '@kagami/runtime'
import { addedSpec, editedSpec, etagOf } from '../core/edits.ts'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { specFrom } from '../core/new-replica.ts'
import { takeTurn } from '../pieces.ts'
import { tableOf, type Imported, type Table } from './imported.ts'
import { readProviders } from './providers.ts'
import { readTunasync } from './tunasync.ts'
import { looksLikeYuki, readYuki } from './yuki.ts'

type Wanted = NonNullable<Imported['replica']>

/** The plan for a worker. Throws a Refusal when the text cannot be read, or is no configuration that is known. */
export async function planImport(worker: WorkerEntry, { text, files }: ImportText): Promise<ImportPlan> {
  if ((text === undefined) === (files === undefined))
    throw new Refusal('invalid_request', 'either text or files must be given', text === undefined ? 'text' : 'files')
  const { format, found } = files ? await readFiles(files) : readText(text ?? '')
  const seen = new Set<string>()
  const rows = found.map((one) => {
    const key = replicaNameKey(one.name)
    const row = seen.has(key)
      ? refusedRow(one, placed(one, 'the text declares another one of this name'))
      : rowOf(worker, one)
    seen.add(key)
    return row
  })
  return { format, rows }
}

interface Read {
  readonly format: ImportFormat
  readonly found: readonly Imported[]
}

async function readFiles(files: NonNullable<ImportText['files']>): Promise<Read> {
  const found: Imported[] = []
  for (const { name, text } of files) {
    // A hostile file may take half a second.
    await takeTurn()
    found.push(...readYuki(text, name))
  }
  return { format: 'yuki', found }
}

function readText(text: string): Read {
  const values = parse(text)
  if (!values) return { format: 'yuki', found: readYuki(text, 'text') }
  if (Array.isArray(values['mirrors'])) return { format: 'tunasync', found: readTunasync(values) }
  if (Array.isArray(values['providers'])) return { format: 'worker.toml', found: readProviders(values) }
  throw new Refusal(
    'invalid_request',
    'the text declares no replicas',
    'text',
    'Give a worker.toml of Kagami with [[providers]], a worker.conf of tunasync with [[mirrors]], or the YAML of ' +
      'repositories of Yuki.',
  )
}

/** The text as TOML; null: it is rather of Yuki. */
function parse(text: string): Table | null {
  try {
    return tableOf(parseToml(text, 'text')) ?? {}
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (looksLikeYuki(text)) return null
    // The line itself is not repeated: it may hold a secret.
    throw new Refusal('invalid_request', error.message, 'text', 'Mend the line, and give the text again.')
  }
}

function rowOf(worker: WorkerEntry, one: Imported): ImportRow {
  const { replica } = one
  if (!replica) return refusedRow(one, one.why)
  const form = checkFor(routes.addReplica.body)
  if (!form.ok(replica)) {
    const { field, message } = form.problem(replica)
    return refusedRow(one, placed(one, `${field} ${message}`))
  }
  const there = [...worker.replicas].find(({ name }) => replicaNameKey(name) === replicaNameKey(one.name))
  try {
    if (there) return comparedRow(worker, there, { one, replica })
    specFrom(worker, replica, () => '')
    return { ...refusedRow(one, null), state: 'new', replica }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return refusedRow(one, placed(one, error.message))
  }
}

const placed = ({ place }: Imported, why: string): string => (place === undefined ? why : `${place}: ${why}`)

function refusedRow({ name, notes }: Imported, why: string | null): ImportRow {
  return {
    name,
    state: 'unsupported',
    replica: null,
    replica_id: null,
    etag: null,
    patch: null,
    changes: [],
    why,
    notes: [...notes],
  }
}

/** What becomes of a replica that is there. Credentials are not compared: those that it has stay. */
function comparedRow(
  worker: WorkerEntry,
  there: ReplicaEntry,
  { one, replica }: { one: Imported; replica: Wanted },
): ImportRow {
  const row = { ...refusedRow(one, null), replica_id: there.replicaId }
  const spec = addedSpec(worker, there.replicaId)
  const present = spec ?? there.state
  if (present.kind !== replica.kind)
    return { ...row, why: `${there.name} is there, and of the kind ${present.kind}: the kind of a replica stays` }
  const changes = changesOf({ ...present, auth: null }, { ...replica, auth: null })
  if (changes.length === 0) return { ...row, state: 'same' }
  if (!spec) return { ...row, changes, why: `${there.name} is declared in worker.toml, and can be changed only there` }
  const patch = patchOf(spec, replica)
  editedSpec(worker, spec, patch)
  return { ...row, state: 'changed', replica, patch, changes, etag: etagOf(spec) }
}

/** The patch that makes a specification what is wanted. */
function patchOf(spec: ReplicaSpec, { upstream, interval_secs, labels, options }: Wanted): ReplicaPatch {
  const withoutOthers = (before: object, after: object) => ({
    ...Object.fromEntries(Object.keys(before).map((key) => [key, null])),
    ...after,
  })
  return {
    ...(upstream === spec.upstream ? {} : { upstream }),
    interval_secs,
    labels: withoutOthers(spec.labels, labels),
    options: withoutOthers(spec.options, options),
  }
}

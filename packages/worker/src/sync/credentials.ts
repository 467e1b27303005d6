// credentials.ts — Opens what the supervisor sealed for this worker, just before a sync and for it alone; and removes
// it from text before anybody sees it.
import { Auth, checkFor, sealedFor, type ReplicaSpec } from '@kagami/protocol'
import { ConfigError, type SealingKey } from '@kagami/runtime'
import type { AuthSource } from '../config/secrets.ts'
import { CUT } from '../programs/lines.ts'
import { SyncFailure } from '../provider.ts'

/** A spec with its credentials, if it has any, in the clear. Never written anywhere. */
export type OpenSpec = Omit<ReplicaSpec, 'auth'> & { readonly auth?: Auth | null }

interface Opening {
  readonly workerId: string
  readonly key: SealingKey
  /** Where those of a replica of worker.toml come from. */
  readonly source: AuthSource | null
}

/**
 * The credentials of a replica now; null when it has none. Throws SyncFailure auth_rejected when they were sealed for
 * another key or another upstream, or when the file that has them cannot be read.
 */
export async function openAuth(spec: ReplicaSpec, { workerId, key, source }: Opening): Promise<Auth | null> {
  const { auth } = spec
  if (source && spec.origin === 'config') return readNow(source)
  if (!auth || auth.type !== 'sealed') return auth ?? null
  try {
    const opened: unknown = JSON.parse(await key.open(auth.box, sealedFor({ ...spec, worker_id: workerId })))
    if (checkFor(Auth).ok(opened)) return opened
  } catch {
    // The reason why a box does not open is not shown; the failure below says what to do.
  }
  throw new SyncFailure(
    'auth_rejected',
    'the credentials were sealed for another key of this worker, or for another upstream: give them again with ' +
      'kagami replicas edit',
  )
}

/** What to do when the upstream rejects credentials of worker.toml. */
export function hintForAuth(source: AuthSource | null): string {
  if (source === null) return 'Give this replica auth in worker.toml, and start the worker again. Its files stay.'
  const { file } = source
  return file === null
    ? 'Correct auth of this replica in worker.toml, and start the worker again. Its files stay.'
    : `Write working credentials into ${file}, which is read at each sync, or correct auth of this replica in ` +
        'worker.toml and start the worker again. Its files stay.'
}

function readNow(source: AuthSource): Auth {
  try {
    return source.read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new SyncFailure('auth_rejected', `${error.message}; the upstream was not asked`, {
      hint: hintForAuth(source),
    })
  }
}

/** Replaces every form of the credentials a tool may print by `***`. */
export type Mask = (text: string) => string

/**
 * A mask for the credentials of one replica and its proxies: as they are, percent-encoded, and as a Basic header; and
 * for `others`.
 */
export function createMask(all: readonly (Auth | null | undefined)[], others: readonly string[] = []): Mask {
  const found = longestFirst([...all.flatMap(secretsOf), ...others.flatMap(spellingsOf)])
  const maskWhole = (text: string) => found.reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
  return (text) => maskCut(maskWhole(text), found)
}

/** With fewer characters of a secret left, too much else would look like it. */
const CUT_MIN = 4

/** Masks what a cut has left of a secret: lines that are too long end, or begin, with the sign of one. */
function maskCut(text: string, secrets: readonly string[]): string {
  if (!text.includes(CUT)) return text
  const [first = '', ...others] = text.split(CUT)
  return others.reduce((before, after) => {
    const [left, right] = [withoutEnd(before, secrets), withoutBeginning(after, secrets)]
    return `${left}${CUT}${right}`
  }, first)
}

function withoutEnd(text: string, secrets: readonly string[]): string {
  for (const secret of secrets)
    for (let length = secret.length - 1; length >= CUT_MIN; length--)
      if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}***`
  return text
}

function withoutBeginning(text: string, secrets: readonly string[]): string {
  for (const secret of secrets)
    for (let length = secret.length - 1; length >= CUT_MIN; length--)
      if (text.startsWith(secret.slice(-length))) return `***${text.slice(length)}`
  return text
}

function secretsOf(auth: Auth | null | undefined): string[] {
  if (!auth) return []
  const raw = auth.type === 'basic' ? [auth.password] : [auth.token]
  const pair = auth.type === 'basic' ? [`${auth.username}:${auth.password}`] : [`oauth2:${auth.token}`]
  return [...pair.map((text) => Buffer.from(text).toString('base64')), ...raw.flatMap(spellingsOf)]
}

/** A secret as tools may write it. */
function spellingsOf(secret: string): string[] {
  return [
    secret,
    // A key has lines, and a log too.
    ...secret.split(/\s*\n\s*/).filter((line) => line.length > 8 && !line.startsWith('-----')),
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
  ]
}

/** A short secret inside a longer one must not leave the rest standing. */
function longestFirst(secrets: readonly string[]): string[] {
  return [...new Set(secrets)].filter((text) => text !== '').sort((a, b) => b.length - a.length)
}

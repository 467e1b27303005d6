// http.ts — Mirrors one file from a web server: asked for only when it changed, continued when it broke off, put in place whole.
import { closeSync, fdatasync, openSync, writeSync } from 'node:fs'
import { mkdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import Type from 'typebox'
import { checkAddress, fileNameOf } from './http-address.ts'
import { networkFailure, statusFailure } from './http-errors.ts'
import { createMemory, isStrong, type Memory, type Validators } from './http-memory.ts'
import type { Answer } from './http-message.ts'
import { askParser } from './http-parser.ts'
import { askSocket } from './http-socket.ts'
import { SyncFailure, type Provider, type SyncContext, type SyncStats } from './provider.ts'

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Written bytes after which the disk is asked to keep up, so that the last flush is short. */
const FLUSH_BYTES = 64 * 1024 * 1024
const PROGRESS_BYTES = 64 * 1024

const options = Type.Object(
  {
    timeout_secs: Type.Integer({ default: 60, minimum: 1, maximum: 3600, description: 'Give up when nothing came for this many seconds' }),
  },
  { additionalProperties: false },
)

/** The kind `http`: one http or https address, kept as one file under its real name. */
export const http: Provider = {
  kind: 'http',
  options,
  probe: async () => ({ available: true, detail: `Node.js ${process.versions.node}` }),
  async sync(context) {
    const url = URL.parse(context.upstream)
    if (!url) throw new SyncFailure('upstream_missing', 'the upstream is not an address')
    checkAddress(url)
    const memory = createMemory(context.tree.staging)
    await mkdir(context.tree.staging, { recursive: true })
    try {
      return await download({ context, url, memory, file: fileNameOf(url) })
    } catch (error) {
      // A part would keep a full disk full.
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') await memory.dropPart()
      throw networkFailure(error)
    }
  },
}

interface Job {
  readonly context: SyncContext
  readonly url: URL
  readonly memory: Memory
  readonly file: string
}

async function download(job: Job): Promise<SyncStats> {
  const { context, url, memory, file } = job
  const copy = await memory.ofCopy(url.href, context.tree.published)
  const part = await memory.ofPart(url.href)
  context.progress({ phase: 'connecting' })
  const answer = await ask(job, conditions(copy, part))
  try {
    if (answer.status === 304 && copy) return { bytes: 0, files: 1, sizeBytes: copy.size, revision: revisionOf(copy) }
    const validators: Validators = { url: url.href, file, etag: answer.headers.etag ?? null, modified: answer.headers['last-modified'] ?? null }
    if (answer.status === 416 && part) {
      await memory.dropPart()
      return await download(job)
    }
    if (answer.status === 206 && part) return await receive({ ...job, answer, validators: { ...part, modified: validators.modified ?? part.modified }, from: continuedFrom(answer, part.size) })
    if (answer.status === 200) return await receive({ ...job, answer, validators, from: 0 })
    throw statusFailure(answer.status, context.auth !== null)
  } finally {
    answer.close()
  }
}

function conditions(copy: Validators | null, part: (Validators & { size: number }) | null): Record<string, string> {
  return {
    ...(copy?.etag ? { 'if-none-match': copy.etag } : {}),
    ...(copy?.modified ? { 'if-modified-since': copy.modified } : {}),
    ...(part?.etag ? { range: `bytes=${part.size}-`, 'if-range': part.etag } : {}),
  }
}

/** A server that sends another range than it was asked for would give a file of two halves. */
function continuedFrom(answer: Answer, size: number): number {
  const start = Number(/^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(answer.headers['content-range'] ?? '')?.[1])
  if (start !== size) throw new SyncFailure('content_invalid', `the upstream was asked to go on at byte ${size} and sends "${answer.headers['content-range'] ?? ''}"`)
  return size
}

async function ask({ context, url, memory }: Job, extra: Readonly<Record<string, string>>): Promise<Answer> {
  let at = url
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const authorization = at.origin === url.origin ? authorizationOf(context.auth) : {}
    const question = { url: at, headers: { ...extra, ...authorization }, signal: context.signal, idleMs: Number(context.options.timeout_secs) * 1000 }
    const answer = (at.protocol === 'http:' ? await askSocket(question) : null) ?? (await askParser(question))
    const location = answer.headers.location
    if (!REDIRECTS.has(answer.status) || location === undefined) return answer
    answer.close()
    const next = URL.parse(location, at)
    if (!next) throw new SyncFailure('upstream_refused', 'the upstream sends us to something that is not an address')
    checkAddress(next)
    context.log(`redirected to ${next.href}`)
    at = next
  }
  await memory.dropPart()
  throw new SyncFailure('upstream_refused', `the upstream redirects more than ${MAX_REDIRECTS} times`)
}

function authorizationOf(auth: SyncContext['auth']): Record<string, string> {
  if (!auth) return {}
  return { authorization: auth.type === 'token' ? `Bearer ${auth.token}` : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` }
}

interface Reception extends Job {
  readonly answer: Answer
  readonly validators: Validators
  /** Bytes already there. */
  readonly from: number
}

async function receive(reception: Reception): Promise<SyncStats> {
  const { context, memory, answer, validators, from, file } = reception
  const promised = answer.headers['content-length'] === undefined ? null : Number(answer.headers['content-length'])
  const total = promised === null ? null : from + promised
  if (total === 0) await refuseEmpty(reception)
  if (from === 0) await memory.dropPart()
  if (from === 0 && isStrong(validators.etag)) await memory.keepPart(validators)
  const received = await writeBody(reception, total)
  if (promised !== null && received !== promised) throw new SyncFailure('content_invalid', `${received} bytes came where ${promised} were promised`)
  const size = from + received
  if (size === 0) await refuseEmpty(reception)
  context.progress({ phase: 'publishing', percent: null, bytes: received })
  const modified = new Date(validators.modified ?? Number.NaN)
  if (!Number.isNaN(modified.getTime())) await utimes(memory.part, modified, modified)
  const before = await memory.lastFile()
  await context.tree.publishFile(memory.part, file)
  await memory.keepCopy(validators, size)
  // Another address may name another file; the mirror is the new one alone.
  if (before !== null && before !== file) await rm(join(context.tree.published, before), { force: true })
  return { bytes: received, files: 1, sizeBytes: size, revision: revisionOf(validators) }
}

async function refuseEmpty({ context, file }: Reception): Promise<void> {
  const copy = await stat(join(context.tree.published, file)).catch(() => null)
  if (copy && copy.size > 0) throw new SyncFailure('upstream_empty', 'the upstream sends an empty file; the copy is kept')
}

function revisionOf({ etag, modified }: Validators): string | null {
  return etag ?? modified
}

/** Writes at once what arrives: the buffer is used again for the next piece, so memory stays flat at any size. */
async function writeBody({ answer, memory, context, from }: Reception, total: number | null): Promise<number> {
  const handle = openSync(memory.part, from === 0 ? 'w' : 'a', 0o644)
  let received = 0
  let shown = 0
  let flushed = 0
  let flushing = Promise.resolve()
  let idle = true
  const flush = () => new Promise<void>((resolve) => fdatasync(handle, () => resolve(void (idle = true))))
  try {
    await answer.body((chunk) => {
      for (let at = 0; at < chunk.length;) at += writeSync(handle, chunk, at)
      received += chunk.length
      if (received - flushed >= FLUSH_BYTES && idle) {
        idle = false
        flushed = received
        flushing = flush()
      }
      if (received - shown < PROGRESS_BYTES) return
      shown = received
      context.progress({ phase: 'transferring', bytes: received, percent: total ? Math.floor(((from + received) / total) * 100) : null })
    })
    return received
  } finally {
    await flushing
    closeSync(handle)
  }
}

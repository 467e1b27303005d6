// wire.ts — Asks an upstream for its refs without starting git (protocol v2, http and git://). Says null whenever
// anything is unusual: git then asks itself.
import { connect, isIP, type LookupFunction } from 'node:net'
import { Client, type buildConnector, type Dispatcher } from 'undici'
import { createRefCollector, type RemoteRefs } from './refs.ts'
import { nameWithin } from '../../names.ts'
import { isRedirect } from '../../http/address.ts'
import { directTransport, transportBy, type Transport } from '../../http/transport.ts'
import { SyncFailure } from '../../provider.ts'
import type { Via } from '../../via.ts'

const MAX_BYTES = 256 * 1024 * 1024
const IDLE_MS = 15_000
const AGENT = 'git/2.39 kagami'

export interface WireRequest {
  readonly upstream: string
  /** Value of an Authorization header. */
  readonly authorization: string | null
  /** Checked addresses of the upstream's host: no other is connected to. */
  readonly addresses: readonly string[]
  /** The proxy by which it is reached, at addresses that it finds; null: directly. */
  readonly via: Via | null
  readonly signal: AbortSignal
}

/** Git must ask the upstream itself. `whole`: whether the list of refs it will get can be taken for all of them. */
export interface AskGit {
  readonly whole: boolean
  /** Whether it is a plain web server, over which git checks no object. */
  readonly plain?: boolean
}

/** The first request is answered by a redirect. */
export interface Moved {
  /** As the upstream wrote it. */
  readonly location: string
  /** The address that was requested. */
  readonly from: URL
  /** Whether it is meant to last. */
  readonly lasting: boolean
}

/**
 * The refs of an upstream, or where it has moved to, unless it must be asked by git itself. Throws SyncFailure:
 * content_invalid for a web page, which git would take for an empty repository; partial for a list of refs that was
 * cut off, of which git would take what came for all.
 */
export async function listRefs(request: WireRequest): Promise<RemoteRefs | AskGit | Moved> {
  const url = new URL(request.upstream)
  try {
    return (url.protocol === 'git:' ? await overGit(url, request) : await overHttp(url, request)) ?? { whole: true }
  } catch (error) {
    if (error instanceof SyncFailure) throw error
    // Not an answer: git finds out, and says, what is wrong.
    return { whole: true }
  }
}

async function overHttp(
  url: URL,
  { authorization, addresses, via, signal }: WireRequest,
): Promise<RemoteRefs | AskGit | Moved | null> {
  const { origin } = url
  const direct = { timeout: IDLE_MS, lookup: lookupAmong(addresses) } as buildConnector.BuildOptions
  const transport = via ? transportBy(via, url, IDLE_MS) : directTransport(direct)
  const client = new Client(origin, {
    connect: transport.connect,
    headersTimeout: IDLE_MS,
    bodyTimeout: IDLE_MS,
  })
  const base = url.pathname.replace(/\/+$/, '')
  const headers = { 'git-protocol': 'version=2', 'user-agent': AGENT, ...(authorization ? { authorization } : {}) }
  const to = { client, transport }
  try {
    const greeting = await sendRequest(
      to,
      { origin, path: `${base}/info/refs?service=git-upload-pack`, method: 'GET', headers, signal },
      'application/x-git-upload-pack-advertisement',
    )
    if (greeting && !Buffer.isBuffer(greeting)) return greeting
    const asked = greeting && lsRefs(parsePackets(greeting))
    if (!asked) return null
    const type = 'application/x-git-upload-pack'
    const answer = await sendRequest(
      to,
      {
        origin,
        path: `${base}/git-upload-pack`,
        method: 'POST',
        headers: { ...headers, 'content-type': `${type}-request`, accept: `${type}-result` },
        body: asked,
        signal,
      },
      `${type}-result`,
    )
    if (answer && 'location' in answer) throw redirectedLate(answer)
    return Buffer.isBuffer(answer) ? parseRefs(parsePackets(answer)) : null
  } finally {
    await client.destroy()
  }
}

/** The body of an answer of that type, or a redirect; for a plain list of refs whether it is whole; else null. */
async function sendRequest(
  { client, transport }: { client: Client; transport: Transport },
  options: Omit<Dispatcher.RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> },
  type: string,
): Promise<Buffer | AskGit | Moved | null> {
  const { statusCode, headers, body } = await client.request({
    ...options,
    path: transport.target(options.path),
    headers: { ...options.headers, ...transport.headers },
    reset: !transport.lasting,
  })
  body.on('error', () => {})
  transport.refuse(statusCode, headers)
  const location = headers['location']
  if (isRedirect(statusCode) && typeof location === 'string') {
    body.destroy()
    const from = new URL(options.path, String(options.origin))
    return { location, from, lasting: statusCode === 301 || statusCode === 308 }
  }
  const readable = statusCode === 200 && headers['content-encoding'] === undefined
  if (!readable) {
    body.destroy()
    return null
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    if (size === 0 && /^\s*</.test((chunk as Buffer).toString('latin1', 0, 100)))
      throw new SyncFailure(
        'content_invalid',
        'the upstream answers with a web page, not with a repository: look at the address in a browser',
      )
    size += (chunk as Buffer).length
    if (size > MAX_BYTES) return null
    chunks.push(chunk as Buffer)
  }
  const answer = Buffer.concat(chunks)
  if (headers['content-type'] === type) return answer
  if (!/^[0-9a-f]{40,64}\t/.test(answer.toString('latin1', 0, 70))) return null
  // The file info/refs of a plain web server: git takes what came of it for all.
  if (answer.at(-1) !== 10)
    throw new SyncFailure(
      'partial',
      'the list of refs of the upstream ends in the middle of a line: it was cut off. Nothing was changed',
    )
  return { whole: headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined, plain: true }
}

/** The failure of an upstream that redirects after its first answer: git follows no such redirect, nor any other. */
export function redirectedLate({ location, from }: Moved): SyncFailure {
  const url = URL.parse(location, from)
  const path = url?.pathname.replace(/\/(info\/refs|git-upload-pack)$/, '')
  return new SyncFailure(
    'upstream_missing',
    `in the middle of a sync the upstream sends us to ${`${url?.origin}${path}`.slice(0, 300)}: the next sync asks ` +
      'there, if it still does so',
  )
}

async function overGit(url: URL, { addresses, via, signal }: WireRequest): Promise<RemoteRefs | null> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const path = decodeURI(url.pathname)
  // A NUL or line end would be read as a part of the request of its own.
  if (/[\u0000-\u001f]/.test(path)) return null
  const port = Number(url.port || 9418)
  const socket = via
    ? await via.tunnel(host, port, IDLE_MS)
    : connect({ host, port, lookup: lookupAmong(addresses), signal })
  socket.setTimeout(IDLE_MS, () => socket.destroy(new Error('idle')))
  socket.setNoDelay(true)
  const chunks: Buffer[] = []
  let asked = false
  let size = 0
  try {
    socket.write(packet(`git-upload-pack ${path}\0host=${url.host}\0\0version=2\0`))
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer)
      size += (chunk as Buffer).length
      // A flush packet ends each answer, and can end only a chunk.
      if (size > MAX_BYTES || !(chunk as Buffer).subarray(-4).equals(FLUSH)) continue
      const packets = parsePackets(Buffer.concat(chunks))
      if (packets.at(-1) !== null) continue
      if (asked) return parseRefs(packets)
      const question = lsRefs(packets)
      if (!question) return null
      asked = true
      chunks.length = 0
      socket.write(question)
    }
    return null
  } finally {
    socket.destroy()
  }
}

/** Answers every question for a name with addresses that are known already. */
function lookupAmong(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_name, { all: wantsAll }, answer) =>
    wantsAll ? answer(null, all) : answer(null, all[0]?.address ?? '', all[0]?.family)
}

const FLUSH = Buffer.from('0000')

function packet(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text
}

/** Packet texts, null for a flush. Throws on anything else than whole packets. */
function parsePackets(bytes: Buffer): (string | null)[] {
  const packets: (string | null)[] = []
  for (let at = 0; at < bytes.length;) {
    const head = bytes.toString('latin1', at, at + 4)
    if (!/^[0-9a-f]{4}$/.test(head)) throw new Error('not a packet')
    const length = Number.parseInt(head, 16)
    if (length === 0) packets.push(null)
    else if (length < 4 || at + length > bytes.length) throw new Error('not a whole packet')
    else packets.push(nameWithin(bytes, at + 4, bytes[at + length - 1] === 10 ? at + length - 1 : at + length))
    at += length === 0 ? 4 : length
  }
  return packets
}

/** The question that lists all refs, or null when the greeting is not one of protocol v2 with SHA-1 ids. */
function lsRefs(greeting: readonly (string | null)[]): string | null {
  const said = greeting.filter((line) => line !== null && !line.startsWith('# service='))
  const feature = said.find((line) => line === 'ls-refs' || line?.startsWith('ls-refs='))
  if (said[0] !== 'version 2' || !feature || said.includes('object-format=sha256')) return null
  const format = said.includes('object-format=sha1') ? packet('object-format=sha1\n') : ''
  const unborn = feature.includes('unborn') ? packet('unborn\n') : ''
  const command = packet('command=ls-refs\n') + packet(`agent=${AGENT.replace(' ', '-')}\n`) + format
  return `${command}0001${packet('peel\n')}${packet('symrefs\n')}${unborn}0000`
}

function parseRefs(packets: readonly (string | null)[]): RemoteRefs | null {
  if (packets.at(-1) !== null) return null
  const collector = createRefCollector()
  for (const line of packets.slice(0, -1)) {
    const [id, name, ...attributes] = (line ?? '').split(' ')
    if (!id || !name || !/^([0-9a-f]{40}|unborn)$/.test(id)) return null
    if (id !== 'unborn') collector.add(id, name)
    for (const attribute of attributes) {
      if (attribute.startsWith('peeled:')) collector.add(attribute.slice(7), `${name}^{}`)
      if (name === 'HEAD' && attribute.startsWith('symref-target:')) collector.head(attribute.slice(14))
    }
  }
  return { ...collector.done(), byId: true }
}

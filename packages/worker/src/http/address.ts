// address.ts — Which addresses may be requested, and what file an address names. Opens nothing.
import { isIPv4, type LookupFunction } from 'node:net'
import { decodePercent } from '../names.ts'
import { SyncFailure, type Peers } from '../provider.ts'

/**
 * Throws SyncFailure when an address may not be requested: wrong scheme, credentials in it, or a host whose address is
 * not allowed.
 */
export function checkAddress(url: URL, peers: Pick<Peers, 'check'>): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new SyncFailure('upstream_refused', `${url.protocol} is not an address we follow`)
  if (url.username !== '' || url.password !== '')
    throw new SyncFailure('upstream_refused', 'an address with a user name or password in it is not followed')
  // URL has already normalised every spelling of an IPv4 address (2130706433, 0x7f.1, fullwidth digits).
  peers.check(hostOf(url))
}

/** Redirects that are followed, one after the other. */
export const MAX_REDIRECTS = 5

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Whether a status is a redirect. */
export const isRedirect = (status: number): boolean => REDIRECTS.has(status)

/** The failure of an upstream that redirects for ever. */
export function tooManyRedirects(): SyncFailure {
  return new SyncFailure('upstream_refused', `the upstream redirects more than ${MAX_REDIRECTS} times`)
}

/**
 * Where a redirect leads. `downgrade`: from https to http it is followed, refused, or refused with the option that
 * follows it. Throws SyncFailure when it may not be followed.
 */
export function nextAddress(
  location: string,
  from: URL,
  { peers, downgrade }: { peers: Pick<Peers, 'check'>; downgrade: 'follow' | 'refuse' | 'option' },
): URL {
  const next = URL.parse(location, from)
  if (!next) throw new SyncFailure('upstream_refused', 'the upstream sends us to something that is not an address')
  checkAddress(next, peers)
  if (from.protocol === 'https:' && next.protocol === 'http:' && downgrade !== 'follow') {
    throw new SyncFailure(
      'upstream_refused',
      `the upstream sends us from https to ${next.origin}, where anybody could change what comes; ` +
        (downgrade === 'option' ? 'the option allow_downgrade follows it' : 'this is never followed'),
    )
  }
  return next
}

/** The host of a URL as it is connected to: without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/** The lookup function of connections: every address is checked before one is tried. */
export function guardedLookup(peers: Peers): LookupFunction {
  return (host, options, callback) => void resolveHost(peers, host, options.all === true, callback)
}

async function resolveHost(
  peers: Peers,
  host: string,
  all: boolean,
  callback: Parameters<LookupFunction>[2],
): Promise<void> {
  const found = await peers.resolve(host).then(
    (addresses) => addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 })),
    (error: Error) => error,
  )
  if (found instanceof Error) callback(found, [])
  else if (all) callback(null, found)
  else callback(null, found[0]?.address ?? '', found[0]?.family)
}

/** The file name an address means: its last segment, decoded where that is harmless; `index.html` when it is empty. */
export function fileNameOf(url: URL): string {
  const segment = url.pathname.split('/').at(-1) ?? ''
  const name = decode(segment)
  if (name === '' || name === '.' || name === '..') return 'index.html'
  if (Buffer.byteLength(name) > 255)
    throw new SyncFailure('upstream_missing', 'the file name in the address is longer than a disk can keep')
  return name
}

function decode(segment: string): string {
  const name = decodePercent(segment)
  // A slash or control character cannot be part of a file name: the segment stays encoded.
  return /[/\\\u0000-\u001f\u007f-\u009f]/.test(name) ? segment : name
}

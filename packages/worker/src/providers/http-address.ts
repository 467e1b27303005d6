// http-address.ts — Which addresses the http provider asks, and what file an address names. Pure.
import { BlockList, isIPv4 } from 'node:net'
import { SyncFailure } from './provider.ts'

// Link-local addresses answer with the secrets of a cloud machine; no mirror is there.
const forbidden = new BlockList()
forbidden.addSubnet('169.254.0.0', 16, 'ipv4')
forbidden.addSubnet('::ffff:169.254.0.0', 112, 'ipv6')
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addAddress('fd00:ec2::254', 'ipv6')

/** Throws SyncFailure when an address may not be asked: wrong scheme, credentials in it, or a link-local host. */
export function checkAddress(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new SyncFailure('upstream_refused', `${url.protocol} is not an address we follow`)
  if (url.username !== '' || url.password !== '') throw new SyncFailure('upstream_refused', 'an address with a user name or password in it is not followed')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIPv4(host) || host.includes(':')) checkPeer(host)
}

/** Throws SyncFailure when a connection leads to a link-local host, whatever name led there. */
export function checkPeer(address: string | undefined): void {
  const plain = (address ?? '').replace(/%.*$/, '')
  if (plain === '' || !forbidden.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')) return
  throw new SyncFailure('upstream_refused', `${plain} is a link-local address: it is never mirrored`)
}

/** The name of the file an address means: its last segment, decoded where that is harmless; `index.html` when it has none. */
export function fileNameOf(url: URL): string {
  const segment = url.pathname.split('/').at(-1) ?? ''
  const name = decode(segment)
  if (name === '' || name === '.' || name === '..') return 'index.html'
  if (Buffer.byteLength(name) > 255) throw new SyncFailure('upstream_missing', 'the file name in the address is longer than a disk can keep')
  return name
}

function decode(segment: string): string {
  try {
    const name = decodeURIComponent(segment)
    // A slash or control character was meant as part of the name, and cannot be: it stays encoded.
    return /[/\\\u0000-\u001f\u007f-\u009f]/.test(name) ? segment : name
  } catch {
    return segment
  }
}

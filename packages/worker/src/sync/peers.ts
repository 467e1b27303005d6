// peers.ts — Which addresses a sync may talk to. Knows networks, no kind and no protocol.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { SyncFailure, type Peers, type Reach } from '../provider.ts'
import type { RunProxies } from '../proxy/run.ts'

/** Peers, with what the run learned about its upstream. */
export interface KnownPeers extends Peers {
  /** Where the upstream was found; null before anything was resolved. */
  readonly reach: Reach | null
}

/**
 * Link-local addresses give away the secrets of a cloud machine, and no mirror is there. Some clouds do the same by
 * other addresses: EC2 (fd00:ec2::23 and ::254), Google (fd20:ce::254), Scaleway (fd00:42::42), Oracle (192.0.0.192),
 * Azure (168.63.129.16), Alibaba (100.100.100.200), as their documentations say.
 */
const never = listOf([
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  'fd00:42::42/128',
  '192.0.0.192/32',
  '168.63.129.16/32',
  '100.100.100.200/32',
])
/** Special-purpose ranges of RFC 6890 and its updates that the public internet does not route. */
const inside = listOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b:1::/48',
  'fc00::/7',
  'fec0::/10',
  'ff00::/8',
  '2001:db8::/32',
])

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address, bits] = range.split('/') as [string, string]
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::')
  const numbers = (text = '') => text.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)]))
  const [left, right] = [numbers(head), numbers(tail)]
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}

const ipv4Of = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.')

/**
 * The IPv4 addresses to which an IPv6 address leads: mapped, compatible and translated ones (RFC 4291, 6052, 7915,
 * 8215), 6to4 (RFC 3056), Teredo (RFC 4380: server, and client with its bits inverted), ISATAP (RFC 5214).
 */
function inner(address: string): string[] {
  const [a, b, c, d, e, f, g, h] = groupsOf(address) as [number, number, number, number, number, number, number, number]
  const last = ipv4Of(g, h)
  const zeros = [a, b, c, d].every((group) => group === 0)
  if (zeros && ((e === 0 && (f === 0 || f === 0xffff)) || (e === 0xffff && f === 0))) return [last]
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return [last]
  // Behind a prefix of 48 bits the address is split around bits 64 to 71, which are zero.
  if (a === 0x64 && b === 0xff9b && c === 1) return [last, ipv4Of(d, ((e & 255) << 8) | (f >> 8))]
  if (a === 0x2002) return [ipv4Of(b, c)]
  if (a === 0x2001 && b === 0) return [ipv4Of(c, d), ipv4Of(g ^ 0xffff, h ^ 0xffff)]
  return (e === 0 || e === 0x200) && f === 0x5efe ? [last] : []
}

/** What an IP address is to a mirror: `never` allowed, `private`, or `public`; one inside another counts as both. */
export function reachOf(address: string): Reach | 'never' {
  const bare = address.replace(/^\[|\]$|%.*$/g, '')
  const all = isIPv4(bare) || isIP(bare) === 0 ? [bare] : [bare, ...inner(bare)]
  const isIn = (list: BlockList) => all.some((one) => list.check(one, isIPv4(one) ? 'ipv4' : 'ipv6'))
  if (isIn(never)) return 'never'
  return isIn(inside) ? 'private' : 'public'
}

/** Names by which clouds offer what link-local addresses do. */
const METADATA = new Set([
  'metadata.google.internal',
  'metadata.goog',
  'metadata',
  'instance-data',
  'instance-data.ec2.internal',
])

/** What is known of a name whose address only a proxy finds. */
function reachOfName(host: string): Reach | 'never' | 'unknown' {
  // Names that are numbers (2130706433, 0x7f.1) are addresses to many programs.
  const name = (URL.parse(`http://${host}/`)?.hostname ?? host).toLowerCase().replace(/\.$/, '')
  if (isIP(name) !== 0) return reachOf(name)
  if (METADATA.has(name)) return 'never'
  return /(^|\.)localhost$/.test(name) ? 'private' : 'unknown'
}

/**
 * The peers of one run. `known`: where earlier runs found the upstream. `allowPrivate`: it may have moved from a public
 * to a private address.
 */
export function createPeers({
  publicOnly,
  known,
  allowPrivate = false,
  proxies = null,
}: {
  publicOnly: boolean
  known: Reach | null
  allowPrivate?: boolean
  proxies?: RunProxies | null
}): KnownPeers {
  let reach: Reach | null = null
  let named = false
  const judge = (address: string, found: Reach | 'never') => {
    if (found === 'never')
      throw forbidden(`${address} is a link-local address, or one where a cloud keeps secrets: it is never mirrored`)
    if (found === 'private' && publicOnly)
      throw forbidden(`${address} is not a public address, and this worker has upstream_policy = "public-only"`)
    if (found !== 'private' || allowPrivate) return
    if (known === 'public' || reach === 'public')
      throw forbidden(`the upstream is public, but leads to the private address ${address}`)
    if (named && known !== 'private' && reach !== 'private')
      throw forbidden(
        `the upstream, whose address only the proxy knows, leads to the private address ${address}; the option ` +
          'allow_private allows that',
      )
  }
  const check = (address: string | undefined) => {
    if (address === undefined || isIP(address.replace(/^\[|\]$|%.*$/g, '')) === 0) return
    const found = reachOf(address)
    judge(address, found)
    if (found !== 'never') reach ??= found
  }
  const checkName = (name: string) => {
    const found = reachOfName(name)
    if (found === 'unknown') named = true
    else judge(name, found)
  }
  return {
    check,
    async resolve(host) {
      const name = host.replace(/^\[|\]$/g, '')
      const addresses = await addressesOf(name)
      for (const address of addresses) check(address)
      return addresses
    },
    via(target) {
      const via = proxies?.via(target) ?? null
      if (!via) return null
      check(target.hostname)
      if (via.findsNames) checkName(target.hostname)
      return via
    },
    get reach() {
      return reach
    },
  }
}

function forbidden(message: string): SyncFailure {
  return new SyncFailure('address_forbidden', message)
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch (error) {
    throw new SyncFailure(
      'upstream_unreachable',
      `the host ${name} is not known: ${(error as NodeJS.ErrnoException).code ?? 'no answer'}`,
      { cause: error },
    )
  }
}

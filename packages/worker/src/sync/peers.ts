// peers.ts — Which addresses a sync may talk to. Knows networks, no kind and no protocol.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { SyncFailure, type Peers, type Reach } from '../provider.ts'

/** Peers, with what the run learned about its upstream. */
export interface KnownPeers extends Peers {
  /** Where the upstream was found; null before anything was resolved. */
  readonly reach: Reach | null
}

// Link-local addresses give away the secrets of a cloud machine, and no mirror is there. fd00:ec2::254 and
// 100.100.100.200 do the same by another address.
const never = listOf(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128', '100.100.100.200/32'])
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

/** The IPv4 address inside an IPv6 one that leads to it (mapped, translated, 6to4), otherwise the address itself. */
function plainOf(address: string): string {
  const bare = address.replace(/^\[|\]$|%.*$/g, '')
  if (isIPv4(bare) || isIP(bare) === 0) return bare
  const groups = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const [, high, low] =
    /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(groups) ??
    /^2002:([0-9a-f]{1,4}):([0-9a-f]{1,4})(?=:|$)/.exec(groups) ??
    []
  if (high === undefined || low === undefined) return groups
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}

/** What an IP address is to a mirror: `never` allowed, `private`, or `public`. */
export function reachOf(address: string): Reach | 'never' {
  const plain = plainOf(address)
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6'
  if (never.check(plain, family)) return 'never'
  return inside.check(plain, family) ? 'private' : 'public'
}

/**
 * The peers of one run. `known`: where earlier runs found the upstream. `allowPrivate`: it may have moved from a public
 * to a private address.
 */
export function createPeers({
  publicOnly,
  known,
  allowPrivate = false,
}: {
  publicOnly: boolean
  known: Reach | null
  allowPrivate?: boolean
}): KnownPeers {
  let reach: Reach | null = null
  const check = (address: string | undefined) => {
    if (address === undefined || isIP(address.replace(/^\[|\]$|%.*$/g, '')) === 0) return
    const found = reachOf(address)
    if (found === 'never') throw forbidden(`${address} is a link-local address: it is never mirrored`)
    if (found === 'private' && publicOnly)
      throw forbidden(`${address} is not a public address, and this worker has upstream_policy = "public-only"`)
    if (found === 'private' && !allowPrivate && (known === 'public' || reach === 'public'))
      throw forbidden(`the upstream is public, but leads to the private address ${address}`)
    reach ??= found
  }
  return {
    check,
    async resolve(host) {
      const name = host.replace(/^\[|\]$/g, '')
      const addresses = await addressesOf(name)
      for (const address of addresses) check(address)
      return addresses
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

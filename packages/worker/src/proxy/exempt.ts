// exempt.ts — Which hosts are reached without the proxy. Pure.
import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * Whether a host is one of `entries`: `*`, a name and all below it, an IP address, or a range such as 10.0.0.0/8, which
 * counts for hosts that are given by address.
 */
export function isExempt(host: string, entries: readonly string[]): boolean {
  const name = host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()
  return entries.some(
    (entry) => entry === '*' || (isIP(name) === 0 ? isBelowName(name, entry) : isInRange(name, entry)),
  )
}

function isBelowName(name: string, entry: string): boolean {
  const domain = entry
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '')
  return domain !== '' && (name === domain || name.endsWith(`.${domain}`))
}

function isInRange(address: string, entry: string): boolean {
  const [network = '', bits] = entry.replace(/^\[|\]$/g, '').split('/')
  if (isIP(network) === 0) return false
  const whole = isIPv4(network) ? 32 : 128
  const wanted = bits === undefined ? whole : Number(bits)
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > whole) return false
  const list = new BlockList()
  list.addSubnet(network, wanted, isIPv4(network) ? 'ipv4' : 'ipv6')
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

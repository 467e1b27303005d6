// proxy.ts — People whom a proxy in front of the supervisor has signed in: it says in headers who they are.
import type { SupervisorConfig } from '../config.ts'
import type { Identity } from './grant.ts'
import { personName, roleOfGroups } from './roles.ts'

type Keys = 'proxy_addresses' | 'proxy_user_header' | 'proxy_groups_header' | 'role_groups' | 'default_role'

/** Who it is, when a proxy that is believed says so; else null. */
export function readProxy(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  remote: string,
  config: Pick<SupervisorConfig, Keys>,
): Identity | null {
  if (!config.proxy_addresses.includes(withoutMapping(remote))) return null
  const name = personName(headers[config.proxy_user_header.toLowerCase()])
  if (name === null) return null
  const given = headers[config.proxy_groups_header.toLowerCase()]
  const groups = (typeof given === 'string' ? given : '').split(',').map((group) => group.trim())
  const role = roleOfGroups(groups, config)
  if (role === null) return { grant: null, problem: `${name} is in no group that has a role here`, isAmbient: false }
  return { grant: { name, role, scope: {}, expires_at: null }, problem: null, isAmbient: true }
}

/** An IPv4 address as it is written in IPv6, `::ffff:10.0.0.7`, in its own form. */
const withoutMapping = (address: string): string => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address

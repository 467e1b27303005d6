// roles.ts — The role of somebody whom another program has signed in, by their groups.
import { reservedNames, roles, type Role } from '@kagami/protocol'
import type { SupervisorConfig } from '../config.ts'

/** The highest role that groups give, else the default one; null: none. */
export function roleOfGroups(
  groups: readonly string[],
  { role_groups, default_role }: Pick<SupervisorConfig, 'role_groups' | 'default_role'>,
): Role | null {
  const given = groups.filter((group) => Object.hasOwn(role_groups, group)).map((group) => role_groups[group]!)
  const highest = roles.findLast((role) => given.includes(role))
  return highest ?? (default_role === 'none' ? null : default_role)
}

/** What somebody is called in the audit: one line, not too long, and nobody else's name. Null: it cannot be a name. */
export function personName(text: unknown): string | null {
  if (typeof text !== 'string') return null
  const name = text
    .replaceAll(/[^\P{C}\u200c\u200d]|\p{Zl}|\p{Zp}/gu, '')
    .trim()
    .slice(0, 128)
  if (reservedNames.includes(name.toLowerCase())) return `${name} (account)`
  return name === '' ? null : name
}

/** The texts of a claim: an array of them, or one. `path` goes into objects by dots. */
export function textsOf(claims: Readonly<Record<string, unknown>>, path: string): string[] {
  const direct = claims[path]
  const value = direct !== undefined ? direct : path.split('.').reduce<unknown>(inside, claims)
  return [value].flat().filter((one) => typeof one === 'string')
}

const inside = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined

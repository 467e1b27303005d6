// pattern.ts — Regular expressions of worker.toml, also as they are written for programs in Go. Pure.
import { ConfigError } from '@kagami/runtime'

/** Where a pattern stands, and whether it has to have a group. */
interface About {
  readonly where: string
  readonly key: string
  readonly groups: boolean
}

/** The pattern; null when there is none. Throws ConfigError when it cannot be read. */
export function readPattern(text: string | undefined, { where, key, groups }: About): RegExp | null {
  if (text === undefined) return null
  const pattern = compile(text, `${where}: ${key}`)
  if (groups && countGroups(pattern) === 0)
    throw new ConfigError(
      `${where}: ${key} has no group`,
      'Put parentheses around the part that is the size: "Total size is ([0-9.]+[KMGTP]?)".',
    )
  return pattern
}

/** Go writes flags at the beginning, and names of groups with a P. */
function compile(text: string, what: string): RegExp {
  const [, flags = '', rest = text] = /^\(\?([imsU]+)\)([^]*)$/.exec(text) ?? []
  const known = [...new Set(flags)].filter((flag) => 'ims'.includes(flag)).join('')
  try {
    return new RegExp(rest.replaceAll('(?P<', '(?<'), `u${known}`)
  } catch {
    // Outside of the strict form, a backslash before any character is allowed.
  }
  try {
    return new RegExp(rest.replaceAll('(?P<', '(?<'), known)
  } catch (error) {
    throw new ConfigError(
      `${what} is no regular expression: ${(error as Error).message}`,
      "In TOML, write it in single quotes, so that backslashes stay: 'ERROR: \\d+'.",
    )
  }
}

const countGroups = ({ source, flags }: RegExp) => (new RegExp(`${source}|`, flags).exec('')?.length ?? 1) - 1

// serve/place.ts — What a configuration of a server is written for: a folder, a host name, an address. Only what every
// server can be told without being misread is let through.
import { resolve } from 'node:path'
import { ConfigError } from '@kagami/runtime/config'

export interface Listen {
  /** An address, IPv6 in brackets; null: every address. */
  readonly address: string | null
  readonly port: number
}

/** The absolute path of a data_dir. Throws ConfigError where a server would read something else into it. */
export function servableFolder(dir: string): string {
  const path = resolve(dir)
  // Variables, wildcards, quotes and escapes of nginx, Apache or rsyncd.
  const [strange] = /[\p{Cc}"\\$%*?[\]{}#'\ufffd]/u.exec(path) ?? []
  if (strange !== undefined)
    throw new ConfigError(
      `--dir: ${JSON.stringify(strange)} in ${path} means something to a server, so nothing was written`,
      'Give a path of letters, digits, spaces, "/", ".", "_" and "-": a link to the folder will do.',
    )
  return path
}

/** A port, or an address and a port. Throws ConfigError. */
export function parseListen(text: string): Listen {
  const [, address, digits] = /^(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+|\*):)?([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port < 1 || port > 65_535)
    throw new ConfigError(
      `--listen: "${text}" is neither a port nor an address and a port`,
      'For example: 80, 192.0.2.7:8080, [2001:db8::7]:80',
    )
  return { address: address === undefined || address === '*' ? null : address, port }
}

/** A host name, which may begin with "*.". Throws ConfigError. */
export function parseHost(text: string): string {
  if (/^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)) return text
  throw new ConfigError(`--host: "${text}" is no host name`, 'For example: mirror.example.org')
}

/** The name of an rsync module. Throws ConfigError. */
export function parseModule(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) && text.toLowerCase() !== 'global') return text
  throw new ConfigError(
    `--name: "${text}" cannot be the name of a module`,
    'Use letters, digits, ".", "_" and "-"; "global" means something else to rsync.',
  )
}

/** The absolute path of a program of this machine, or of the socket of one. Throws ConfigError. */
export function parsePath(option: string, text: string): string {
  if (/^\/[A-Za-z0-9._/+-]+$/.test(text)) return text
  throw new ConfigError(
    `${option}: "${text}" is no absolute path of letters, digits, "/", ".", "_", "+" and "-"`,
    'For example: /usr/local/lib/kagami-lfs',
  )
}

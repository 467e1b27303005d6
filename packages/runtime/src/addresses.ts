// addresses.ts — Addresses: reading "host:port", and saying plainly why one cannot be bound.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Reads `host:port`, `:port` or `[v6]:port`; null when it is none of these. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text.trim())
  if (!match) return null
  const port = Number(match[3])
  if (port > 65_535) return null
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** The program that listens on a TCP port of this machine, as far as /proc lets us see; null when unknown. */
export function whoListensOn(port: number): string | null {
  try {
    const inode = listeningInode(port)
    if (!inode) return null
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holdsSocket(pid, inode)) return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`
    }
  } catch {
    // Without /proc, or without the right to look, the port is simply "in use".
  }
  return null
}

function listeningInode(port: number): string | null {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A') return fields[9] ?? null
    }
  }
  return null
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}

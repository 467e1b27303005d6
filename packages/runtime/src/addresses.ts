// addresses.ts — Parses "host:port", and finds out which program uses a port.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { couldNotLook } from './disk/disk-error.ts'

/** A host and a TCP port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Parses `host:port`, `:port` or `[v6]:port`; null when the text is none of these. */
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

/** The program that listens on a TCP port of this computer, as /proc shows it; null when that is not known. */
export function whoListensOn(port: number): string | null {
  try {
    const inode = listeningInode(port)
    if (!inode) return null
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holdsSocket(pid, inode)) return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`
    }
  } catch {
    // There is no /proc, or it may not be read.
  }
  return null
}

/** Whether a program listens on a TCP port of this computer. Without the means to look, one may. */
export function mayListenOn(port: number): boolean {
  try {
    return listeningInode(port) !== null
  } catch (error) {
    return couldNotLook(error)
  }
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

// descriptors.ts — How many files and connections this process may have open, and how many of them others may take.
import { readdirSync, readFileSync } from 'node:fs'

/** Descriptors that are never given to connections: files, database, NATS and their moments of need. */
const RESERVED = 64

/**
 * Connections that may be open at once, so that files, database and NATS always have descriptors. `most` where there is
 * no limit, or it is not known. Node raises the limit to the hard one when it starts.
 */
export function connectionsWithinLimit(most: number): number {
  const limit = descriptorLimit()
  if (limit === null) return most
  const left = limit - openDescriptors()
  return Math.max(2, Math.min(most, left - Math.min(RESERVED, Math.ceil(left / 2))))
}

/** The limit on open files of this process; null where it is not known, or there is none. */
function descriptorLimit(): number | null {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line ? Number(line[1]) : null
  } catch {
    return null
  }
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

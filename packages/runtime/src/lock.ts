// lock.ts — Locks a directory for one process. The kernel releases the lock when the process ends, however it ends.
import { createHash } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { createServer } from 'node:net'

/** Locks a directory until it is released or the process ends. Null when another process has the lock. */
export function lockDirectory(directory: string, purpose: string): Promise<{ release(): void } | null> {
  // Device and inode too: containers that share a network may each have a directory of this name.
  const { dev, ino } = statSync(directory)
  const digest = createHash('sha256')
    .update(`${purpose}:${realpathSync(directory)}:${dev}:${ino}`)
    .digest('hex')
    .slice(0, 32)
  // An abstract Unix socket exists only as long as its process, and cannot be bound twice.
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    )
    server.listen(`\0kagami-${digest}`, () => {
      server.unref()
      resolve({ release: () => void server.close() })
    })
  })
}

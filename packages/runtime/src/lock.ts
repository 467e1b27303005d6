// lock.ts — One process per directory. Held by the kernel, so a killed process never leaves it behind.
import { createHash } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { createServer } from 'node:net'

/** Takes the lock of a directory for this process's life, or returns null when another process holds it. */
export function lockDirectory(directory: string, purpose: string): Promise<{ release(): void } | null> {
  // The inode too: containers on one network may each have a directory of this name.
  const { dev, ino } = statSync(directory)
  const digest = createHash('sha256')
    .update(`${purpose}:${realpathSync(directory)}:${dev}:${ino}`)
    .digest('hex')
    .slice(0, 32)
  // An abstract Unix socket: exists only while the process does, and binding it twice is refused.
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

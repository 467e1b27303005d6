// own-nats.ts — A nats-server that a test can kill, freeze and empty, and small disks that a test can fill.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startNatsServer, type NatsServer } from '@kagami/runtime'
import { inject } from 'vitest'
import type { Place } from './place.ts'

export interface OwnNats {
  readonly url: string
  signal(signal: NodeJS.Signals): void
  /** Kills it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again with the same port and store. */
  start(): Promise<void>
  /** Deletes the store. The server must not run. */
  empty(): void
}

/** Starts the newest nats-server, with its files in `dir`. */
export async function startOwnNats(place: Place, dir = 'nats'): Promise<OwnNats> {
  const options = { dir: place.at(dir), binary: { path: inject('tools').natsNew, version: 'new' } }
  let server: NatsServer = await startNatsServer(options)
  const { port, url } = server
  place.onEnd(() => {
    // A frozen process does not receive SIGTERM.
    process.kill(server.pid, 'SIGCONT')
    return server.stop()
  })
  return {
    url,
    signal: (signal) => void process.kill(server.pid, signal),
    async kill() {
      process.kill(server.pid, 'SIGKILL')
      await server.exited
    },
    async start() {
      server = await startNatsServer({ ...options, port })
    },
    empty: () => rmSync(place.at(dir, 'jetstream'), { recursive: true, force: true }),
  }
}

/** Fills the free space of a disk with a file, and returns its path. */
export function fillDisk(disk: string): string {
  const file = join(disk, 'filling')
  const handle = openSync(file, 'w')
  try {
    for (const block of [1024 * 1024, 4096]) for (let full = false; !full;) full = !tryWrite(handle, block)
  } finally {
    closeSync(handle)
  }
  return file
}

function tryWrite(handle: number, bytes: number): boolean {
  try {
    return writeSync(handle, Buffer.alloc(bytes)) === bytes
  } catch {
    return false
  }
}

/** Mounts a disk of this size at `dir`. Needs root. */
export function mountSmallDisk(place: Place, dir: string, megabytes: number): string {
  mkdirSync(place.at(dir), { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'kagami-test', place.at(dir)])
  place.onEnd(() => execFileSync('umount', ['-l', place.at(dir)]))
  return place.at(dir)
}

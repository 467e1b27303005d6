// nats-place.ts — A nats-server of which a test owns process and store: killed, frozen, emptied, on a disk that is
// full.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startNatsServer, type NatsServer } from '@kagami/runtime'
import { inject } from 'vitest'
import type { Place } from './place.ts'

export interface OwnNats {
  readonly url: string
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, and gone when this resolves. */
  kill(): Promise<void>
  /** Starts it again on its port and store. */
  start(): Promise<void>
  /** Deletes the store of one that does not run. */
  empty(): void
}

/** Starts the newest one in `dir`. */
export async function anOwnNats(place: Place, dir = 'nats'): Promise<OwnNats> {
  const options = { dir: place.at(dir), binary: { path: inject('tools').natsNew, version: 'new' } }
  let server: NatsServer = await startNatsServer(options)
  const { port, url } = server
  place.also(() => {
    // A frozen one would not hear that it should end.
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

/** Fills what is left of a disk with a file, which is returned. */
export function fillDisk(disk: string): string {
  const file = join(disk, 'somebody-else')
  const handle = openSync(file, 'w')
  try {
    for (const block of [1024 * 1024, 4096]) for (let full = false; !full;) full = !wrote(handle, block)
  } finally {
    closeSync(handle)
  }
  return file
}

function wrote(handle: number, bytes: number): boolean {
  try {
    return writeSync(handle, Buffer.alloc(bytes)) === bytes
  } catch {
    return false
  }
}

/** A disk of this size at `dir`; needs root. */
export function aSmallDisk(place: Place, dir: string, megabytes: number): string {
  mkdirSync(place.at(dir), { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'kagami-test', place.at(dir)])
  place.also(() => execFileSync('umount', ['-l', place.at(dir)]))
  return place.at(dir)
}

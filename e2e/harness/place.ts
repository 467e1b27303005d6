// place.ts — A scratch folder and a list of what to stop, both gone when the test ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, inject } from 'vitest'
import { startNatsServer, type NatsServer } from '@kagami/runtime'

export interface Place {
  readonly dir: string
  /** A path inside. */
  at(...parts: string[]): string
  /** Stops this when the tests of the file end; last in, first out. */
  also(end: () => unknown): void
}

/** A fresh folder for the tests of one file. */
export function aPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-test-'))
  const ends: (() => unknown)[] = []
  afterAll(async () => {
    for (const end of ends.reverse())
      await Promise.resolve()
        .then(end)
        .catch(() => {})
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  return { dir, at: (...parts) => join(dir, ...parts), also: (end) => void ends.push(end) }
}

export const NATS_VERSIONS = ['old', 'new'] as const
export type NatsVersion = (typeof NATS_VERSIONS)[number]

/** A real nats-server on loopback; `old` is Debian stable's, `new` the newest. */
export async function aNats(
  place: Place,
  version: NatsVersion = 'old',
  dir = 'nats',
  port?: number,
): Promise<NatsServer> {
  const tools = inject('tools')
  const path = version === 'old' ? tools.natsOld : tools.natsNew
  const server = await startNatsServer({ dir: place.at(dir), binary: { path, version }, ...(port ? { port } : {}) })
  place.also(() => server.stop())
  return server
}

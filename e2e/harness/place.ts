// place.ts — A scratch folder, and what must be stopped; both are cleaned up when the tests of a file end.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, inject } from 'vitest'
import { startNatsServer, type NatsServer } from '@kagami/runtime'

export interface Place {
  readonly dir: string
  /** A path inside. */
  at(...parts: string[]): string
  /** Calls this when the tests of the file end, the last one first. */
  onEnd(end: () => unknown): void
}

/** A fresh folder for the tests of one file. */
export function createPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-test-'))
  const ends: (() => unknown)[] = []
  afterAll(async () => {
    for (const end of ends.reverse())
      await Promise.resolve()
        .then(end)
        .catch(() => {})
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  return { dir, at: (...parts) => join(dir, ...parts), onEnd: (end) => void ends.push(end) }
}

export const NATS_VERSIONS = ['old', 'new'] as const
export type NatsVersion = (typeof NATS_VERSIONS)[number]

/** A real nats-server on loopback; `old` is Debian stable's, `new` the newest. */
export async function startNats(
  place: Place,
  version: NatsVersion = 'old',
  dir = 'nats',
  port?: number,
): Promise<NatsServer> {
  const tools = inject('tools')
  const path = version === 'old' ? tools.natsOld : tools.natsNew
  const server = await startNatsServer({ dir: place.at(dir), binary: { path, version }, ...(port ? { port } : {}) })
  place.onEnd(() => server.stop())
  return server
}

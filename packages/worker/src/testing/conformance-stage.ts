// conformance-stage.ts — Where the tests that every kind passes run: its upstream, a data_dir, and one call that syncs.
import { join } from 'node:path'
import type { SyncReport } from '@kagami/protocol'
import { afterEach, beforeEach, expect } from 'vitest'
import { createSandbox, type Sandbox, type SyncCall } from './sandbox.ts'

/** A running upstream of one kind with content that fills at least 300 kB. */
export interface Subject {
  readonly upstream: string
  readonly port: number
  /** What each sync needs besides kind and upstream. */
  readonly call?: Partial<SyncCall>
  /** Adds, changes and removes. */
  readonly change: () => Promise<void>
  /** Everything is gone, but the upstream answers as before. */
  readonly empty: () => Promise<void>
  /** What the address names is no longer there. */
  readonly vanish: () => Promise<void>
  /** Asserts that the copy has the bytes of the upstream and nothing else. */
  readonly expectSame: (published: string) => Promise<void>
  readonly stop: () => Promise<void>
}

export interface Conformance {
  readonly kind: string
  /** Which form of the kind, where it has several. */
  readonly form?: string
  /** Program without which the kind cannot be synced; null when it needs none. */
  readonly tool: string | null
  readonly start: (dir: string, auth?: { username: string; password: string }) => Promise<Subject>
}

/** One upstream and one data_dir for each test. */
export interface Stage {
  readonly kind: string
  readonly tool: string | null
  readonly sandbox: () => Sandbox
  readonly subject: () => Subject
  readonly sync: (more?: Partial<SyncCall>) => Promise<SyncReport>
}

/** Starts the upstream of a kind and makes a data_dir, before each test. */
export function prepareStage({ kind, tool, start }: Conformance, auth?: { username: string; password: string }): Stage {
  let sandbox: Sandbox
  let subject: Subject
  beforeEach(async () => {
    sandbox = createSandbox()
    subject = await start(join(sandbox.dir, 'upstream'), auth)
  })
  afterEach(async () => {
    await subject.stop()
    sandbox.remove()
  })
  return {
    kind,
    tool,
    sandbox: () => sandbox,
    subject: () => subject,
    async sync(more) {
      const { upstream, call } = subject
      const options = { ...call?.options, ...more?.options }
      const report = await sandbox.sync({ kind, upstream, ...call, ...more, options })
      // What could not be looked at is no success: errors in the log and a success without a word exclude each other.
      if (report.outcome === 'success' && report.message === null) expect(errorLines(sandbox.log(report))).toEqual([])
      return report
    },
  }
}

const errorLines = (log: string) => log.split('\n').filter((line) => /^\S+ E /.test(line))

// find.test.ts — What is not there is told from what was only misspelt.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noChanges } from '../../core/changes.ts'
import type { Fleet } from '../../core/entries.ts'
import { putReplica, putWorker } from '../../core/fleet.ts'
import { openServices, recordOf } from '../../testing/services.ts'
import { makeReplica } from '../../testing/states.ts'
import { findReplica, findWorker, nearestOf } from './find.ts'

const dir = mkdtempSync(join(tmpdir(), 'find-'))
let fleet: Fleet
let close: () => Promise<void>

beforeAll(async () => {
  const { services } = await openServices(dir)
  fleet = services.fleet
  close = () => services.store.close()
  const worker = putWorker(fleet, { ...recordOf('w-1'), name: 'sh-12' }, 0)
  for (const [index, name] of ['debian', 'archlinux'].entries())
    putReplica({ fleet, worker, changes: noChanges(), now: 0 }, { ...makeReplica('w-1', index, 1), name })
})
afterAll(async () => {
  await close()
  rmSync(dir, { recursive: true })
})

describe('a name that is not there', () => {
  it.each([
    ['debain', 'there is no replica "debain"; did you mean debian?'],
    ['debain@sh-12', 'there is no replica "debain@sh-12"; did you mean debian@sh-12?'],
    ['debian@sh-21', 'there is no worker "sh-21"; did you mean sh-12?'],
    ['fedora', 'there is no replica "fedora"'],
    ['d'.repeat(5000), `there is no replica "${'d'.repeat(5000)}"`],
  ])('%s is answered with what may have been meant', (text, message) => {
    expect(() => findReplica(fleet, text)).toThrow(message)
  })
  it('of a worker too', () => {
    expect(() => findWorker(fleet, 'hs-12')).toThrow('there is no worker "hs-12"; did you mean sh-12?')
  })
  it('is compared with no more names than take a moment', () => {
    const names = Array.from({ length: 6000 }, (_, index) => `mirror-${index}`)
    expect(nearestOf('mirror-9x', names)).toBeNull()
    expect(nearestOf('mirror-9x', names.slice(0, 5000))).toBe('mirror-9')
  })
})

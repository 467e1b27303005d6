// rename.test.ts — A replica gets another name: its files go with it, whenever the worker is killed meanwhile.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFiles } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { versionedUpstream, type VersionedUpstream } from '../testing/versioned-upstream.ts'
import { renamingSteps, type Renaming } from './rename.ts'

let sandbox: Sandbox
let upstream: VersionedUpstream
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  upstream = versionedUpstream(sandbox, stops)
})

const at = (...path: string[]) => join(sandbox.dataDir, ...path)
/** Durable steps of a renaming; in place there is one less. */
const STEPS = 6

/** A copy with two versions of its files, called `old`. */
async function copied(publish: string) {
  const call = { ...(await upstream.serve({ publish })), name: 'old', replicaId: 'r-old' }
  expect((await sandbox.sync(call)).outcome).toBe('success')
  writeFiles(upstream.files, { 'd0/f0': 'changed!\n' })
  expect((await sandbox.sync(call)).outcome).toBe('success')
  const renaming: Renaming = { was: 'old', wasId: 'r-old', name: 'new', replicaId: 'r-new', kind: call.kind }
  return { call: { ...call, name: 'new', replicaId: 'r-new' }, renaming }
}

describe.each(['in-place', 'swap'])('a renamed replica, published by %s', (publish) => {
  it.each(Array.from({ length: STEPS + 1 }, (_, step) => step))(
    'has all its files under the new name, also when the worker was killed after step %i',
    async (killedAfter) => {
      const { call, renaming } = await copied(publish)
      const before = readTree(at('old'))
      mkdirSync(at('.kagami/staging/r-old'), { recursive: true })
      writeFileSync(at('.kagami/staging/r-old/part'), 'half')
      const killed = renamingSteps(sandbox.dataDir, renaming)
      for (let step = 0; step < killedAfter; step++) killed.next()
      Array.from(renamingSteps(sandbox.dataDir, renaming))
      expect(readTree(at('new'))).toEqual(before)
      expect(existsSync(at('old'))).toBe(false)
      expect(readFileSync(at('.kagami/staging/r-new/part'), 'utf8')).toBe('half')
      expect(readdirSync(at('.kagami/trees'))).toEqual(['new.json', 'new.json.previous'])
      expect(JSON.parse(readFileSync(at('.kagami/trees/new.json'), 'utf8'))).not.toHaveProperty('renamed_from')
      if (publish === 'swap') expect(readdirSync(at('.generations'))).toEqual(['new'])
      expect([...renamingSteps(sandbox.dataDir, renaming)]).toEqual([])
      const report = await sandbox.sync(call)
      expect(report).toMatchObject({ outcome: 'success', generation: publish === 'swap' ? 2 : null })
      expect(readTree(at('new'))).toEqual(before)
    },
  )
})

describe('a renaming that would mix files', () => {
  it('is refused when the new name has files, and nothing is moved', async () => {
    const { renaming } = await copied('in-place')
    writeFiles(at('new'), { mine: 'x' })
    const before = readTree(sandbox.dataDir)
    expect(() => [...renamingSteps(sandbox.dataDir, renaming)]).toThrow(
      expect.objectContaining({
        message: `the files of old cannot get the name new, because ${at('new')} exists; nothing was moved`,
        hint: `Move ${at('new')} away to keep those of old, or remove was to keep those of new.`,
      }),
    )
    expect(readTree(sandbox.dataDir)).toEqual(before)
  })

  it('is refused when the kind is another', async () => {
    const { renaming } = await copied('in-place')
    expect(() => [...renamingSteps(sandbox.dataDir, { ...renaming, kind: 'git' })]).toThrow(
      expect.objectContaining({
        message: `${at('old')} cannot become new: it is a mirror of kind ${renaming.kind}, and new is of kind git`,
        hint: 'Only files of the same kind can be kept. Remove was, and the mirror is fetched anew.',
      }),
    )
  })

  it('does nothing for a name that Kagami has no files of', async () => {
    const { renaming } = await copied('in-place')
    writeFiles(at('stranger'), { mine: 'x' })
    expect([...renamingSteps(sandbox.dataDir, { ...renaming, was: 'stranger', wasId: 'r-x' })]).toEqual([])
    expect(existsSync(at('stranger/mine'))).toBe(true)
  })

  it('may change only the case of letters', async () => {
    const { renaming } = await copied('swap')
    const before = readTree(at('old'))
    expect([...renamingSteps(sandbox.dataDir, { ...renaming, name: 'Old' })]).toHaveLength(STEPS)
    expect(readTree(at('Old'))).toEqual(before)
    expect(JSON.parse(readFileSync(at('.kagami/trees/old.json'), 'utf8'))).toMatchObject({ name: 'Old' })
  })
})

// property.test.ts — Random repositories behind real servers, several steps each: after every step the copy is what a
// fresh `git clone --mirror` is, or held and as it was; it can be cloned at every moment.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runChild, startGitDaemon, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRandomRepository } from '../../testing/random-repositories.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'

const FULL = process.env['KAGAMI_FAULTS'] === 'full'
const REPOSITORIES = FULL ? 200 : 6
const STEPS = FULL ? 5 : 4
/**
 * Repositories that once differed: a clone from a plain web server has loose objects, which were not taken over; a HEAD
 * whose text is as long as a commit id, which git takes for one.
 */
const FOUND: [Way][] = [
  [{ seed: 292507007, format: 'sha1', way: 'plain', publish: 'in-place', guarded: false }],
  [{ seed: 2142819337, format: 'sha256', way: 'plain', publish: 'in-place', guarded: false }],
]
const FREE = { max_delete_percent: 100, max_shrink_percent: 100 }

interface Way {
  readonly seed: number
  readonly format: 'sha1' | 'sha256'
  readonly way: 'git' | 'http' | 'plain'
  readonly publish: string
  readonly guarded: boolean
}

describe('a repository that changes at random', () => {
  let sandbox: Sandbox
  const stops: (() => Promise<void>)[] = []
  beforeEach(() => void (sandbox = createSandbox()))
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
    sandbox.remove()
  })
  const ways: fc.Arbitrary<Way> = fc.record({
    seed: fc.nat(),
    format: fc.constantFrom('sha1', 'sha1', 'sha256'),
    way: fc.constantFrom('git', 'http', 'plain'),
    publish: fc.constantFrom('in-place', 'swap'),
    guarded: fc.boolean(),
  })
  const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
  const formatOf = (gitDir: string) => git(gitDir, 'rev-parse', '--show-object-format').then((text) => text.trim())
  const branchesOf = (gitDir: string) => git(gitDir, 'for-each-ref', 'refs/heads')
  const look = async (gitDir: string) => ({
    refs: await git(gitDir, 'for-each-ref', '--format=%(objectname) %(refname)'),
    connected: await git(gitDir, 'fsck', '--connectivity-only', '--no-dangling').then(
      () => '',
      (error: Error) => error.message,
    ),
  })

  it(
    'is copied as git clone --mirror copies it, or held, and can be cloned all the while',
    async ({ task }) => {
      const dir = join(sandbox.dir, 'upstream')
      const servers = {
        git: await startGitDaemon({ dir }),
        http: await startGitUpstream({ dir }),
        plain: await startHttpUpstream({ dir }),
      }
      stops.push(...Object.values(servers).map(({ stop }) => stop))
      let count = 0
      const seen = { same: 0, held: 0, clones: 0 }
      const follow = async (shape: Way) => {
        const name = `r${++count}`
        const repository = join(dir, name)
        const published = join(sandbox.dataDir, name)
        const upstream = `${servers[shape.way].url}/${name}`
        const random = await createRandomRepository(repository, shape)
        const options = { publish: shape.publish, ...(shape.guarded ? {} : FREE) }
        const fresh = join(sandbox.dir, 'fresh')
        for (let step = 1; step <= STEPS; step++) {
          await random.step()
          const before = step === 1 ? {} : readTree(published)
          // git cannot tell the format of an empty repository behind a plain web server. When it shows, config and
          // objects of a copy in place cannot change in one step.
          const steady = step > 1 && (await formatOf(published)) === shape.format
          const reading = steady ? readMeanwhile(published) : null
          const report = await sandbox.sync({ kind: 'git', upstream, name, replicaId: name, options })
          seen.clones += (await reading?.end()) ?? 0
          const where = `step ${step}: ${report.message}\n${report.tail}`
          expect(report.outcome, where).toBeOneOf(['success', 'held'])
          if (report.outcome === 'held') {
            if (!shape.guarded) expect(report.reason, where).toBe('upstream_empty')
            expect(readTree(published), where).toEqual(before)
            seen.held++
            continue
          }
          rmSync(fresh, { recursive: true, force: true })
          await runChild('git', ['clone', '-q', '--mirror', upstream, fresh])
          expect(await look(published), where).toEqual(await look(fresh))
          // A clone guesses where a HEAD that is detached or leads nowhere points, so the upstream's own is compared;
          // where that leads nowhere, not every server says so, and over a plain one git sees
          // none without a ref, none that is detached at a sha256 id, and none whose text is as long as an id.
          const leads = await git(repository, 'rev-parse', '--verify', '-q', 'HEAD').catch(() => null)
          const headOf = (gitDir: string) => readFileSync(join(gitDir, 'HEAD'), 'latin1')
          const known = shape.format === 'sha1' && (await git(repository, 'for-each-ref')) !== ''
          const isTakenForId = headOf(repository).trim().length === 40 && leads?.trim() !== headOf(repository).trim()
          const listed = shape.way !== 'plain' || (known && !isTakenForId)
          if (leads !== null && listed) expect(headOf(published), where).toBe(headOf(repository))
          else if (leads !== null && isTakenForId && (await branchesOf(published)) !== '')
            expect(await git(published, 'rev-parse', '--verify', 'HEAD'), where).not.toBe('')
          seen.same++
        }
        rmSync(repository, { recursive: true })
      }
      await fc.assert(fc.asyncProperty(ways, follow), {
        numRuns: REPOSITORIES,
        endOnFailure: !FULL,
        examples: FOUND,
      })
      task.meta.figure =
        `${count} repositories × ${STEPS} steps: ${seen.same} the same as a clone, ${seen.held} held, ` +
        `${seen.clones} clones meanwhile`
    },
    FULL ? 3_600_000 : 120_000,
  )

  /** Clones the copy again and again until told to end; the end throws what a clone met. */
  function readMeanwhile(published: string): { end(): Promise<number> } {
    let done = false
    let clones = 0
    const into = join(sandbox.dir, 'reader')
    const reading = (async () => {
      do {
        rmSync(into, { recursive: true, force: true })
        await runChild('git', ['clone', '-q', '--bare', `file://${published}`, into])
        clones++
      } while (!done)
    })()
    reading.catch(() => {})
    return {
      async end() {
        done = true
        await reading
        return clones
      },
    }
  }
})

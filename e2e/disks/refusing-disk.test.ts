// refusing-disk.test.ts — The worker's own disk refuses each kind of sync in each way and at each step. Real disks,
// real upstreams, real syncs in a program of their own. Needs root, to mount.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SyncReport } from '@kagami/protocol'
import { createDice } from '../harness/dice.ts'
import { createPlace } from '../harness/place.ts'
import { atFullSize, rounds } from '../harness/rounds.ts'
import { fetchDiskTools, HARMS, publishedIn, run, STRANGER, type Disk } from './harms.ts'
import { KINDS, seenIn, startUpstreams, syncOnce, type Kind, type Seen, type Upstreams } from './upstreams.ts'

/** The last of a first copy and of an update is when everything is there and publishing begins. */
const STEPS = ['first copy', 'first publish', 'update', 'publish', 'deletion'] as const
type Step = (typeof STEPS)[number]
const isFirst = (step: Step) => step.startsWith('first')
const isPublish = (step: Step) => step.endsWith('publish')

const dice = createDice()
const all = Object.keys(HARMS).flatMap((harm) =>
  STEPS.flatMap((step) => KINDS.map((kind) => [harm, step, kind] as const)).filter(([, step, kind]) => {
    if (HARMS[harm]!.needsFiles && isFirst(step)) return false
    if (HARMS[harm]!.needsIdle && isPublish(step)) return false
    return step !== 'deletion' || !kind.startsWith('http-file')
  }),
)
const only = process.env['KAGAMI_CASES']
const chosen = all
  .map((one) => ({ one, rank: dice.whole(0, 1_000_000) }))
  .sort((a, b) => a.rank - b.rank)
  .slice(0, rounds(14, all.length))
  .map(({ one }) => one)
  .filter((one) => !only || one.join(', ').includes(only))

describe.runIf(process.getuid?.() === 0)('a disk that refuses', () => {
  const place = createPlace()
  let upstreams: Upstreams
  const table: string[] = []

  beforeAll(async () => {
    await fetchDiskTools()
    upstreams = await startUpstreams(place)
  })
  afterAll(() => {
    if (atFullSize) process.stdout.write(`${table.sort().join('\n')}\n`)
  })

  test.each(chosen)(
    '%s, %s, %s: says whose fault it is, harms nothing, and goes on once mended',
    async (harm, step, kind) => {
      const { through, mount, hides } = HARMS[harm]!
      const disk = mount(place.at(`disk-${all.findIndex((one) => one.join() === [harm, step, kind].join())}`))
      const dataDir = join(disk.path, 'data')
      mkdirSync(join(dataDir, '.kagami'), { recursive: true })
      try {
        const sync = { dataDir, kind, upstream: upstreams.url(kind) }
        upstreams.grow(kind)
        if (!isFirst(step)) expect(await syncOnce(sync)).toMatchObject({ outcome: 'success' })
        if (step === 'deletion') upstreams.shrink(kind)
        else await upstreams.change(kind)
        const [before, wanted] = [seenIn(dataDir, kind), upstreams.now(kind)]
        let mend = () => {}
        const atGate = () => void (mend = HARMS[harm]!.inflict(disk, publishedIn(dataDir)))
        const report = await syncOnce({
          ...sync,
          gate: isPublish(step) ? 'publishing' : 'begin',
          atGate,
          ...(through ? { through } : {}),
        })
        const shown = `seed ${dice.seed}: ${JSON.stringify(report)}`
        if (hides !== true) expectUnharmed(seenIn(dataDir, kind), { before, wanted, kind, step, shown })
        mend()
        table.push([harm, step, kind, ...told(report, disk)].join(' | '))
        const after = seenIn(dataDir, kind)
        expectUnharmed(after, { before, wanted, kind, step, shown })
        expectTold(report, { harm, step, after, wanted, shown })
        expect(await syncOnce(sync), 'once it is mended').toMatchObject({ outcome: 'success' })
        expect(seenIn(dataDir, kind)).toEqual(wanted)
      } finally {
        disk.end()
      }
    },
  )

  test('lets deletions go on around a folder the worker may not read, and never calls that a success', async () => {
    const dataDir = place.at('unreadable')
    mkdirSync(join(dataDir, '.kagami'), { recursive: true })
    const sync = { dataDir, kind: 'rsync', upstream: upstreams.url('rsync') } as const
    const rightless = { ...sync, through: HARMS['another owner (EACCES)']!.through! }
    expect(await syncOnce(sync)).toMatchObject({ outcome: 'success' })
    const [disks, foreign] = [join(dataDir, 'copy', 'lost+found'), join(dataDir, 'copy', 'foreign')]
    for (const folder of [disks, foreign]) mkdirSync(folder, { mode: 0o700 })
    writeFileSync(join(foreign, 'inside'), '')
    run('chown', STRANGER, foreign)
    await upstreams.change('rsync')
    const report = await syncOnce(rightless)
    expect(report, JSON.stringify(report)).toMatchObject({ outcome: 'failed', reason: 'local_denied' })
    expect(report.message).toContain(foreign)
    expect(Object.keys(seenIn(dataDir, 'rsync')).filter((path) => path !== 'foreign/inside')).toEqual(
      Object.keys(upstreams.now('rsync')),
    )
    expect(await syncOnce(rightless), 'when nothing else is to do').toMatchObject({ reason: 'local_denied' })
    run('chown', '0', foreign)
    expect(await syncOnce(rightless)).toMatchObject({ outcome: 'success' })
    expect([existsSync(foreign), existsSync(disks)]).toEqual([false, true])
  })

  test('is proved for every harm, step and kind at full size', ({ task }) => {
    task.meta.figure = `${chosen.length} of ${all.length} cases of harm, step and kind`
    expect(chosen.length).toBeGreaterThan(10)
  })
})

interface Expected {
  readonly before: Seen
  readonly wanted: Seen
  readonly kind: Kind
  readonly step: Step
  readonly shown: string
}

/** Readers see what they saw, or are further: whole trees are old or new, in place each file is. */
function expectUnharmed(now: Seen, { before, wanted, kind, step, shown }: Expected): void {
  if (kind.endsWith('swap') || isFirst(step)) return expect([before, wanted], shown).toContainEqual(now)
  const strange = Object.entries(now).filter(([path, is]) => before[path] !== is && wanted[path] !== is)
  const gone = Object.keys(before).filter((path) => path in wanted && !(path in now))
  expect([strange, gone], shown).toEqual([[], []])
}

/** A success is one; a failure names whose fault it is and the cure. What needs nothing of the disk may succeed. */
function expectTold(
  report: SyncReport,
  { harm, step, after, wanted, shown }: { harm: string; step: Step; after: Seen; wanted: Seen; shown: string },
): void {
  const { reasons, cure } = HARMS[harm]!
  const needsNothing = step === 'deletion' || isPublish(step)
  if (needsNothing && report.outcome === 'success') return expect(after, shown).toEqual(wanted)
  expect(report.outcome, shown).toBe('failed')
  expect(reasons, shown).toContain(report.reason)
  expect(report.message, shown).not.toMatch(/fault|ENOENT/)
  expect(report.hint, shown).toMatch(cure)
}

function told({ outcome, reason, message }: SyncReport, { path }: Disk): string[] {
  return [outcome, reason ?? '-', (message ?? '-').replaceAll(path, 'DISK')]
}

// worker-descriptors.test.ts — A worker has no file descriptors left at any moment of a sync: readers see whole trees,
// the sync fails with a reason, and the next one goes on.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { expect, test } from 'vitest'
import { createDice } from '../harness/dice.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const ROUNDS = rounds(10, 200)
const FILES = 40

const place = createPlace()
const textOf = (folder: string) => [
  ...new Set(readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`, 'utf8'))),
]

test(
  'a worker without descriptors publishes nothing torn, lives, and syncs again',
  { timeout: 600_000 },
  async ({ task }) => {
    const dice = createDice()
    const write = (round: number) =>
      writeFiles(
        place.at('up/files'),
        Object.fromEntries(
          Array.from({ length: FILES }, (_, n) => [`f${n}`, `round ${round}\n`.repeat(1 + (round % 5))]),
        ),
      )
    write(0)
    const rsync = await startRsyncUpstream({ dir: place.at('up') })
    const nats = await startNats(place, 'new')
    const supervisor = await startSupervisor(place, { nats: nats.url })
    const options = { publish: 'swap', keep_generations: 2 }
    const worker = await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'r', kind: 'rsync', upstream: rsync.url, options }],
    })
    const limit = (soft: number) => execFileSync('prlimit', ['--pid', String(worker.pid), `--nofile=${soft}:`])
    const replicas = async () => (await supervisor.api.call('listReplicas')).items
    const ended = (before: readonly (string | undefined)[]) =>
      until(
        'it has ended',
        async () => {
          const now = await replicas()
          return (
            now.length === 1 &&
            now.every((one, at) => one.activity === 'idle' && one.last_sync?.sync_id !== before[at]) &&
            now
          )
        },
        { seen: () => worker.output().slice(-1500) },
      )
    const sync = async () => {
      const before = (await replicas()).map((one) => one.last_sync?.sync_id)
      for (const { replica_id: id } of await replicas()) await supervisor.api.call('syncReplica', { params: { id } })
      return () => ended(before)
    }
    await until('it is there', async () => (await replicas()).length === 1)
    await (
      await sync()
    )()
    let failed = 0
    for (let round = 1; round <= ROUNDS; round++) {
      write(round)
      const end = await sync()
      await pause(dice.whole(0, 150))
      limit(dice.whole(8, 40))
      await pause(dice.whole(20, 300))
      limit(4096)
      failed += (await end()).filter((one) => one.last_sync?.outcome !== 'success').length
      for (const name of ['r']) {
        const texts = textOf(place.at('data', name))
        expect(texts, `${name} in round ${round}, seed ${dice.seed}`).toHaveLength(1)
        expect(readdirSync(place.at('data', name))).toHaveLength(FILES)
      }
    }
    write(ROUNDS + 1)
    expect((await (await sync())()).map((one) => one.last_sync?.outcome)).toEqual(['success'])
    for (const name of ['r']) expect(textOf(place.at('data', name))).toEqual(textOf(place.at('up/files')))
    expect(worker.child.exitCode).toBeNull()
    expect(worker.output()).not.toContain('This is a fault in Kagami')
    task.meta.figure = `${ROUNDS} rounds, ${failed} syncs failed, nothing torn, seed ${dice.seed}`
  },
)

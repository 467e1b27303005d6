// nats-fails.test.ts — nats-server killed, frozen, down for long, restarted without its store, and on a full disk,
// while reports come in all the time: each is in the history once.
import { rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { startBusyFleet, type BusyFleet } from '../harness/busy-fleet.ts'
import { createDice } from '../harness/dice.ts'
import { startOwnNats, mountSmallDisk, fillDisk, type OwnNats } from '../harness/own-nats.ts'
import { createPlace } from '../harness/place.ts'
import { atFullSize, rounds } from '../harness/rounds.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

const KILLS = rounds(5, 100)
const RESULTS = rounds(150, 1000)
/** Number of reports to wait for while NATS is down. */
const GATHER = rounds(40, 1500)

describe('a fleet whose nats-server is killed again and again', () => {
  const place = createPlace()
  const dice = createDice()
  let nats: OwnNats
  let fleet: BusyFleet

  beforeAll(async () => {
    nats = await startOwnNats(place)
    fleet = await startBusyFleet(place, { nats: nats.url })
  })

  test('has every report in its history once', { timeout: 300_000 + KILLS * 6000 }, async ({ task }) => {
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(dice.whole(50, 1200))
      await nats.kill()
      await pause(dice.whole(0, 500))
      await nats.start()
    }
    await until('there are enough reports', () => fleet.ledger.started.size >= RESULTS)
    const kept = await fleet.stopAndCount()
    task.meta.figure = `${KILLS} kills, ${kept} of ${fleet.ledger.started.size} reports in the history, each once`
  })
})

describe('a fleet whose nats-server fails in other ways', () => {
  const place = createPlace()
  let nats: OwnNats
  let fleet: BusyFleet
  const waitForWaiting = (many = GATHER) =>
    until('reports wait on the workers', () => fleet.ledger.waiting() >= many, {
      timeoutMs: PATIENCE_MS + many * 200,
      seen: () => fleet.ledger.waiting(),
    })
  const waitForDelivery = () =>
    until('they arrive', () => fleet.ledger.waiting() < 10, {
      seen: () => ({ waiting: fleet.ledger.waiting(), worker: fleet.workers[0]!.output().slice(-800) }),
    })

  beforeAll(async () => {
    nats = await startOwnNats(place)
    fleet = await startBusyFleet(place, { nats: nats.url })
  })

  test('reports everything after it was frozen', async ({ task }) => {
    nats.signal('SIGSTOP')
    await waitForWaiting(20)
    if (atFullSize) await pause(90_000)
    const waiting = fleet.ledger.waiting()
    expect((await fetch(`${fleet.supervisor.url}/healthz`)).status).toBe(200)
    nats.signal('SIGCONT')
    await waitForDelivery()
    task.meta.figure = `frozen${atFullSize ? ' for 90 s' : ''}: ${waiting} reports waited, all delivered`
  })

  test('reports everything after a long outage', { timeout: 900_000 }, async ({ task }) => {
    await nats.kill()
    await waitForWaiting()
    const waiting = fleet.ledger.waiting()
    await nats.start()
    await waitForDelivery()
    task.meta.figure = `down: ${waiting} reports waited, all delivered`
  })

  test('loses nothing when it is started again without its store, not even reports that only the store had', async ({
    task,
  }) => {
    // Freeze the supervisor, so that only the stream has the next reports.
    fleet.supervisor.child.kill('SIGSTOP')
    const before = fleet.ledger.started.size
    await until('reports are only in the stream', () => fleet.ledger.started.size > before + 30)
    await nats.kill()
    nats.empty()
    await nats.start()
    fleet.supervisor.child.kill('SIGCONT')
    await waitForDelivery()
    const kept = await fleet.stopAndCount()
    for (const worker of fleet.workers) expect(worker.output()).not.toContain('fault')
    task.meta.figure = `store lost: ${kept} of ${fleet.ledger.started.size} reports in the history`
  })
})

describe.runIf(process.getuid?.() === 0)('a fleet whose nats-server has a full disk', () => {
  const place = createPlace()
  let disk: string
  let nats: OwnNats
  let fleet: BusyFleet

  beforeAll(async () => {
    disk = mountSmallDisk(place, 'small', 64)
    nats = await startOwnNats(place, 'small')
    fleet = await startBusyFleet(place, { nats: nats.url })
  })

  test('keeps its reports on the workers, and sends them when there is space and nats-server was restarted', async ({
    task,
  }) => {
    const filling = fillDisk(disk)
    await until('reports wait on the workers', () => fleet.ledger.waiting() >= GATHER, {
      timeoutMs: PATIENCE_MS + GATHER * 200,
      seen: () => fleet.ledger.waiting(),
    })
    expect((await fetch(`${fleet.supervisor.url}/healthz`)).status).toBe(200)
    expect((await fleet.supervisor.api.call('listReplicas')).total).toBe(16)
    const waiting = fleet.ledger.waiting()
    rmSync(filling)
    await nats.kill()
    await nats.start()
    const kept = await fleet.stopAndCount()
    task.meta.figure = `disk full: ${waiting} reports waited, ${kept} of ${fleet.ledger.started.size} in the history`
  })
})

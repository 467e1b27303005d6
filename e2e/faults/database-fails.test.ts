// database-fails.test.ts — A database that is locked, full, damaged, empty, or stopped in the middle of a write: the
// supervisor keeps running or refuses to start, and everything that it acknowledged is saved.
import {
  closeSync,
  copyFileSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { beforeAll, describe, expect, test } from 'vitest'
import { startBusyFleet, type BusyFleet } from '../harness/busy-fleet.ts'
import { createDice } from '../harness/dice.ts'
import { readHistory } from '../harness/ledger.ts'
import { mountSmallDisk, fillDisk } from '../harness/own-nats.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startPostgresServer } from '../harness/postgres.ts'
import type { PostgresServer } from '../harness/postgres-server.ts'
import { startProgram, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const STOPS = rounds(3, 20)

/** Adds a replica. Returns true when the supervisor confirmed it. */
async function tryAdd(supervisor: SupervisorProgram, name: string): Promise<boolean> {
  try {
    await supervisor.api.call('addReplica', {
      params: { id: 'worker-0' },
      body: { name, kind: 'http', upstream: 'http://127.0.0.1:9/x', interval_secs: 0 },
    })
    return true
  } catch (error) {
    if (![503, 500, undefined].includes((error as { status?: number }).status)) throw error
    return false
  }
}

async function namesIn(supervisor: SupervisorProgram): Promise<Set<string>> {
  return new Set(
    (await supervisor.api.call('listReplicas', { query: { worker: 'worker-0', limit: 500 } })).items.map(
      ({ name }) => name,
    ),
  )
}

describe('a supervisor on SQLite', () => {
  const place = createPlace()
  const file = () => place.at('supervisor.db')
  let nats: { url: string }
  let fleet: BusyFleet

  beforeAll(async () => {
    nats = await startNats(place, 'new')
    fleet = await startBusyFleet(place, { nats: nats.url })
  })

  test('waits while another process has locked the database, and answers meanwhile', async ({ task }) => {
    const other = new DatabaseSync(file())
    other.exec('PRAGMA busy_timeout=5000; BEGIN IMMEDIATE')
    const since = Date.now()
    const write = tryAdd(fleet.supervisor, 'while-locked')
    let answers = 0
    while (Date.now() - since < 5000) {
      expect((await fleet.supervisor.api.call('listReplicas')).total).toBeGreaterThan(0)
      answers++
      await pause(50)
    }
    other.exec('ROLLBACK')
    other.close()
    expect(await write).toBe(true)
    expect(fleet.supervisor.child.exitCode).toBeNull()
    task.meta.figure = `locked for 5 s: ${answers} reads answered meanwhile, the write done afterwards`
  })

  test('refuses to start on a database that is garbage, damaged or empty, and says what to do', async ({ task }) => {
    const kept = await fleet.stopAndCount()
    fleet.supervisor.child.kill('SIGTERM')
    await fleet.supervisor.exited
    copyFileSync(file(), place.at('good.db'))
    const pages = Math.floor(statSync(file()).size / 4096)
    const damages: Record<string, [RegExp, () => void]> = {
      garbage: [
        /cannot be opened: file is not a database/,
        () => writeFileSync(file(), Buffer.alloc(65_536, 'garbage ')),
      ],
      empty: [/is empty: it is not a database/, () => truncateSync(file())],
      damaged: [
        /is damaged|malformed/,
        () => {
          const handle = openSync(file(), 'r+')
          for (let page = 2; page < pages; page += 3) writeSync(handle, Buffer.alloc(512, 0xa5), 0, 512, page * 4096)
          closeSync(handle)
        },
      ],
    }
    for (const [what, [words, damage]] of Object.entries(damages)) {
      for (const part of ['-wal', '-shm']) rmSync(`${file()}${part}`, { force: true })
      copyFileSync(place.at('good.db'), file())
      damage()
      const program = startProgram(place, ['run', 'supervisor'], {
        KAGAMI_NATS_URL: nats.url,
        SUPERVISOR_HTTP_ADDR: '127.0.0.1:0',
        SUPERVISOR_AUTH: 'none',
        SUPERVISOR_DATABASE_URL: `sqlite://${file()}?mode=rwc`,
      })
      expect(await program.exited, what).toBe(2)
      expect(program.output(), what).toMatch(words)
      expect(program.output(), what).toContain('backup')
    }
    copyFileSync(place.at('good.db'), file())
    await fleet.restartSupervisor()
    expect((await readHistory(fleet.supervisor.api)).size).toBe(kept)
    task.meta.figure = 'garbage, damaged, empty: refused 3 of 3; the backup starts'
  })
})

describe.runIf(process.getuid?.() === 0)('a supervisor whose disk is full', () => {
  const place = createPlace()
  let disk: string
  let fleet: BusyFleet

  beforeAll(async () => {
    disk = mountSmallDisk(place, 'disk', 16)
    const nats = await startNats(place, 'new')
    fleet = await startBusyFleet(place, {
      nats: nats.url,
      env: {
        SUPERVISOR_DATABASE_URL: `sqlite://${join(disk, 'supervisor.db')}?mode=rwc`,
        SUPERVISOR_STATE_DIR: place.at('state'),
      },
    })
  })

  test('keeps answering, and stores everything once there is space again', async ({ task }) => {
    const filling = fillDisk(disk)
    const before = fleet.ledger.started.size
    const refused = await until(
      'a write is refused',
      async () => !(await tryAdd(fleet.supervisor, `full-${Math.random()}`.replace('0.', ''))),
    )
    await until('reports wait in the stream', () => fleet.ledger.started.size > before + 40)
    expect((await fleet.supervisor.api.call('listReplicas')).total).toBeGreaterThan(0)
    expect(fleet.supervisor.child.exitCode).toBeNull()
    unlinkSync(filling)
    await until('writes succeed again', () => tryAdd(fleet.supervisor, 'after-full'))
    const kept = await fleet.stopAndCount()
    task.meta.figure =
      `full: writes refused (${refused}), ${fleet.ledger.started.size - before} syncs meanwhile, ${kept} of ` +
      `${fleet.ledger.started.size} in the history afterwards`
  })
})

describe('a supervisor on PostgreSQL', () => {
  const place = createPlace()
  const dice = createDice()
  let postgres: PostgresServer
  let fleet: BusyFleet

  beforeAll(async () => {
    postgres = await startPostgresServer(place)
    const nats = await startNats(place, 'new')
    fleet = await startBusyFleet(place, {
      nats: nats.url,
      env: { SUPERVISOR_DATABASE_URL: postgres.url, SUPERVISOR_STATE_DIR: place.at('state') },
    })
  })

  test(
    'keeps running when the server stops in the middle of writes, loses nothing acknowledged, and continues afterwards',
    { timeout: 300_000 + STOPS * 20_000 },
    async ({ task }) => {
      const confirmed: string[] = []
      let count = 0
      for (let stop = 0; stop < STOPS; stop++) {
        let writing = true
        const writers = Array.from({ length: 4 }, async () => {
          while (writing) {
            const name = `pg-${++count}`
            if (await tryAdd(fleet.supervisor, name)) confirmed.push(name)
            else await pause(20)
          }
        })
        await pause(dice.whole(30, 250))
        await postgres.stopImmediately()
        await pause(dice.whole(0, 300))
        expect((await fetch(`${fleet.supervisor.url}/healthz`)).status).toBe(200)
        writing = false
        await Promise.all(writers)
        await postgres.start()
        await until('writes succeed again', () => tryAdd(fleet.supervisor, `back-${stop}`))
      }
      expect(fleet.supervisor.child.exitCode).toBeNull()
      const missing = async () => {
        const shown = await namesIn(fleet.supervisor)
        return confirmed.filter((name) => !shown.has(name))
      }
      await until('all that was acknowledged is there', async () => (await missing()).length === 0, {
        seen: missing,
      })
      // A write and its audit entry are saved together or not at all.
      const audited = new Set<string>()
      for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
        const page: { items: { action: string; detail: string | null }[]; next_cursor: string | null } =
          await fleet.supervisor.api.call('audit', { query: { limit: 500, ...(cursor ? { cursor } : {}) } })
        for (const { action, detail } of page.items)
          if (action === 'add_replica') audited.add(detail?.split(' ')[1] ?? '')
        cursor = page.next_cursor
      }
      expect(confirmed.filter((name) => !audited.has(name))).toEqual([])
      const kept = await fleet.stopAndCount()
      await fleet.restartSupervisor()
      await until(
        'the history is the same after a restart',
        async () => (await readHistory(fleet.supervisor.api)).size === kept,
      )
      task.meta.figure =
        `${STOPS} stops in the middle of ${confirmed.length} acknowledged writes: 0 exits, 0 lost, 0 half; ` +
        `${kept} of ${fleet.ledger.started.size} reports in the history`
    },
  )
})

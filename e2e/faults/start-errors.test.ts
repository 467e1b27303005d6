// start-errors.test.ts — What a program says, and how it ends, when something that it needs at the start is missing,
// wrong or in use.
import { spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { expectDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startPostgresServer } from '../harness/postgres.ts'
import type { PostgresServer } from '../harness/postgres-server.ts'
import { freePort, startProgram, type Program } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()
let nats: string

beforeAll(async () => {
  nats = (await startNats(place)).url
})

async function startSupervisorWith(env: Record<string, string>): Promise<Program & { url: string }> {
  const port = await freePort()
  const all = {
    KAGAMI_NATS_URL: nats,
    SUPERVISOR_HTTP_ADDR: `127.0.0.1:${port}`,
    SUPERVISOR_AUTH: 'none',
    SUPERVISOR_DATABASE_URL: `sqlite://${place.at('fine.db')}?mode=rwc`,
    ...env,
  }
  return { ...startProgram(place, ['run', 'supervisor'], all), url: `http://127.0.0.1:${port}` }
}

async function startWorkerWith(env: Record<string, string>): Promise<Program> {
  const all = {
    KAGAMI_NATS_URL: nats,
    KAGAMI_HTTP_ADDR: `127.0.0.1:${await freePort()}`,
    KAGAMI_DATA_DIR: place.at('data'),
    ...env,
  }
  return startProgram(place, ['run', 'worker'], all)
}

/** Checks what is said once a program has ended by itself: one line with the reason, one with the cure, no stack. */
async function expectRefusal(program: Program, line: string | RegExp): Promise<void> {
  const code = await program.exited
  const text = program.output()
  expect(text).toMatch(line)
  expect(text).toMatch(/^hint: \S/m)
  expect(text).not.toMatch(/fault in Kagami|^\s+at /m)
  expect(code).toBe(2)
}

/** Checks that a program goes on, and says this within a moment. */
async function expectWait(program: Program, text: string | RegExp): Promise<void> {
  await until(`it says ${text}`, () => program.output().search(text) >= 0, { seen: () => program.output() })
  expect(program.child.exitCode).toBeNull()
  expect(program.output()).not.toMatch(/fault in Kagami|^\s+at /m)
}

/** A port that this process listens on. */
async function takenPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  place.onEnd(() => server.close())
  return (server.address() as { port: number }).port
}

/** A nats-server with these arguments only. */
async function startPlainNats(words: readonly string[]): Promise<string> {
  const port = await freePort()
  const argv = ['--pdeathsig', 'KILL', inject('tools').natsOld, '-a', '127.0.0.1', '-p', String(port), ...words]
  const server = spawn('setpriv', argv, { stdio: 'ignore' })
  place.onEnd(() => server.kill())
  await until(
    'it listens',
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)))
        socket.on('error', () => resolve(false))
      }),
  )
  return `nats://127.0.0.1:${port}`
}

/** A file, which nobody can use as a folder; permissions do not stop root. */
function makeFile(name: string): string {
  writeFileSync(place.at(name), 'x')
  return place.at(name)
}

describe('a supervisor', () => {
  test.each<[what: string, line: RegExp, env: () => Record<string, string>]>([
    [
      'below a file',
      /^error: .*cannot be opened: .*a-file is a file, not a folder$/m,
      () => ({ SUPERVISOR_DATABASE_URL: `sqlite://${join(makeFile('a-file'), 'x.db')}?mode=rwc` }),
    ],
    [
      'that is a folder',
      /^error: .*cannot be opened: it is a folder, not a file$/m,
      () => ({ SUPERVISOR_DATABASE_URL: `sqlite://${place.dir}?mode=rwc` }),
    ],
    [
      'that is none',
      /^error: .*text\.db cannot be opened: file is not a database$/m,
      () => {
        writeFileSync(place.at('text.db'), 'text'.repeat(1000))
        return { SUPERVISOR_DATABASE_URL: `sqlite://${place.at('text.db')}` }
      },
    ],
  ])('that is given a database file %s ends with a line and a cure', async (_, line, env) => {
    await expectRefusal(await startSupervisorWith(env()), line)
  })

  test('whose database was written by a newer version says so', async () => {
    expectDocumented('A supervisor that is older than its database refuses to start.')
    const file = place.at('newer.db')
    const first = await startSupervisorWith({ SUPERVISOR_DATABASE_URL: `sqlite://${file}?mode=rwc` })
    await until('it is ready', async () => (await fetch(`${first.url}/readyz`)).ok)
    await first.kill('SIGTERM')
    copyFileSync(file, place.at('older.db'))
    const db = new DatabaseSync(file)
    db.exec("insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')")
    db.close()
    const next = await startSupervisorWith({ SUPERVISOR_DATABASE_URL: `sqlite://${file}` })
    await expectRefusal(next, /^error: the database was written by a newer version/m)
    expectDocumented('To go back to an older version, restore the backup.')
    for (const part of ['-wal', '-shm']) rmSync(`${file}${part}`, { force: true })
    copyFileSync(place.at('older.db'), file)
    const back = await startSupervisorWith({ SUPERVISOR_DATABASE_URL: `sqlite://${file}` })
    await until('it is ready again', async () => (await fetch(`${back.url}/readyz`)).ok)
    await back.kill('SIGTERM')
  })

  test.skipIf(process.getuid?.() === 0)('that may not write its folder or its file names it', async () => {
    mkdirSync(place.at('locked'))
    chmodSync(place.at('locked'), 0o555)
    const inFolder = await startSupervisorWith({
      SUPERVISOR_DATABASE_URL: `sqlite://${place.at('locked/x.db')}?mode=rwc`,
    })
    await expectRefusal(inFolder, /this user may not write in the folder/)
    const db = new DatabaseSync(place.at('locked.db'))
    db.exec('create table rows (id integer)')
    db.close()
    chmodSync(place.at('locked.db'), 0o444)
    const file = await startSupervisorWith({ SUPERVISOR_DATABASE_URL: `sqlite://${place.at('locked.db')}` })
    await expectRefusal(file, /this user may not write to it/)
  })

  test('whose state directory cannot be used names it', async () => {
    const program = await startSupervisorWith({
      SUPERVISOR_AUTH: 'token',
      SUPERVISOR_STATE_DIR: join(makeFile('b-file'), 's'),
    })
    await expectRefusal(
      program,
      /^error: .*b-file\/s\/api-token cannot be read: a part of its path is not a directory/m,
    )
  })

  test('whose port is taken names the program that has it', async () => {
    const program = await startSupervisorWith({ SUPERVISOR_HTTP_ADDR: `127.0.0.1:${await takenPort()}` })
    await expectRefusal(program, new RegExp(`is in use by .*\\(pid ${process.pid}\\)`))
  })

  test('that is given an address of another machine ends', async () => {
    const program = await startSupervisorWith({ SUPERVISOR_HTTP_ADDR: '192.0.2.1:3000' })
    await expectRefusal(program, /^error: 192\.0\.2\.1:3000 cannot be used/m)
  })

  test('that is given no address of NATS ends, and does not repeat its password', async () => {
    const program = await startSupervisorWith({ KAGAMI_NATS_URL: 'nats://me:secret@host:999999' })
    await expectRefusal(program, /^error: KAGAMI_NATS_URL: "nats:\/\/\*\*\*@host:999999" is not an address of NATS$/m)
    expect(program.output()).not.toContain('secret')
  })
})

describe('a worker', () => {
  test('whose data_dir cannot be made names it', async () => {
    const program = await startWorkerWith({ KAGAMI_DATA_DIR: join(makeFile('c-file'), 'd') })
    await expectRefusal(program, /^error: .*c-file\/d cannot be used: a part of its path is not a directory/m)
  })

  test('whose port is taken names the program that has it', async () => {
    const program = await startWorkerWith({ KAGAMI_HTTP_ADDR: `127.0.0.1:${await takenPort()}` })
    await expectRefusal(program, new RegExp(`is in use by .*\\(pid ${process.pid}\\)`))
  })

  test('that is given an address of another machine, or none of NATS, ends', async () => {
    await expectRefusal(
      await startWorkerWith({ KAGAMI_HTTP_ADDR: '192.0.2.1:3000' }),
      /192\.0\.2\.1:3000 cannot be used/,
    )
    await expectRefusal(await startWorkerWith({ KAGAMI_NATS_URL: 'http://host' }), /is not an address of NATS/)
  })
})

describe('a NATS that cannot be used', () => {
  test('makes supervisor and worker wait and say so while it is not there', async () => {
    const url = `nats://127.0.0.1:${await freePort()}`
    const programs = [
      await startSupervisorWith({ KAGAMI_NATS_URL: url }),
      await startWorkerWith({ KAGAMI_NATS_URL: url, KAGAMI_DATA_DIR: place.at('waiting') }),
    ]
    for (const program of programs) await expectWait(program, 'NATS does not answer yet; trying until it does')
  })

  test('makes them wait and say so when it wants credentials', async () => {
    const place2 = place.at('locked.conf')
    writeFileSync(place2, 'authorization { user: a, password: b }\n')
    const url = await startPlainNats(['-c', place2])
    const programs = [
      await startSupervisorWith({ KAGAMI_NATS_URL: url, SUPERVISOR_DATABASE_URL: `sqlite://${place.at('l.db')}` }),
      await startWorkerWith({ KAGAMI_NATS_URL: url, KAGAMI_DATA_DIR: place.at('refused') }),
    ]
    for (const program of programs) await expectWait(program, 'NATS cannot be used: it is locked')
  })

  test('makes the supervisor say that it runs without JetStream', async () => {
    const url = await startPlainNats([])
    const program = await startSupervisorWith({
      KAGAMI_NATS_URL: url,
      SUPERVISOR_DATABASE_URL: `sqlite://${place.at('j.db')}`,
    })
    await expectWait(program, 'NATS runs without JetStream')
  })
})

describe('a PostgreSQL that cannot be used', () => {
  let postgres: PostgresServer
  const url = (user: string, database = 'kagami') =>
    postgres.url.replace(/kagami@(.*)\/kagami/, `${user}@$1/${database}`)
  const refused = async (database: string, line: RegExp) => {
    const program = await startSupervisorWith({ SUPERVISOR_DATABASE_URL: database })
    await expectRefusal(program, line)
    expect(program.output()).not.toContain('wrong-word')
  }

  beforeAll(async () => {
    postgres = await startPostgresServer(place)
    const admin = new pg.Client({ connectionString: postgres.url })
    await admin.connect()
    await admin.query("create role li login password 'right-word'")
    await admin.query('create role reader login')
    await admin.query('revoke create on schema public from public')
    await admin.query('create role standby login in role pg_write_all_data')
    await admin.query('alter role standby set default_transaction_read_only = on')
    await admin.query('grant create on schema public to standby')
    const rules = ['li scram-sha-256', 'all trust'].map((rule) => `host all ${rule.replace(' ', ' 127.0.0.1/32 ')}\n`)
    writeFileSync(place.at('postgres/data/pg_hba.conf'), rules.join(''))
    await admin.query('select pg_reload_conf()')
    await admin.end()
  })

  test.each<[what: string, user: string, database: string, line: RegExp]>([
    ['for a wrong password', 'li:wrong-word', 'kagami', /^error: PostgreSQL refuses the user or the password/m],
    ['for no password', 'li', 'kagami', /^error: PostgreSQL wants a password/m],
    ['for a user that it does not have', 'nobody', 'kagami', /^error: PostgreSQL refuses the user or the password/m],
    ['for a database that it does not have', 'kagami', 'nothing', /^error: there is no such database in PostgreSQL/m],
    ['for a user that may not create tables', 'reader', 'kagami', /^error: the database user may not create/m],
    ['for a read-only database', 'standby', 'kagami', /^error: the database is read-only/m],
  ])('ends the start %s, with a line and a cure', async (_, user, database, line) => {
    await refused(url(user, database), line)
  })

  test('is waited for while it is down, which the log says once, and then used', async () => {
    await postgres.stopImmediately()
    const program = await startSupervisorWith({ SUPERVISOR_DATABASE_URL: url('kagami') })
    await expectWait(program, 'the database does not answer: waiting until it does')
    await postgres.start()
    await until('it is ready', async () => (await fetch(`${program.url}/readyz`)).ok, { seen: () => program.output() })
    expect(program.output()).toContain('the database answers now')
    const reasons = program
      .output()
      .split('\n')
      .filter((one) => one.includes('waiting until it does'))
    expect(new Set(reasons.map((one) => (JSON.parse(one) as { reason: string }).reason)).size).toBe(reasons.length)
  })
})

// damaged-state.test.ts — Each file that worker, supervisor and `kagami up` keep is damaged in each way, and the real
// programs are started on it. Prints what they said, what was kept, and how they ended.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDice } from '../harness/dice.ts'
import { createPlace } from '../harness/place.ts'
import { freePort, startThrough, type Program } from '../harness/programs.ts'
import { atFullSize } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const FILES = [
  'api-token',
  'nats/accounts.json',
  'nats/supervisor.json',
  'nats/port',
  'mirrors/.kagami/worker-id',
  'mirrors/.kagami/nats.json',
  'mirrors/.kagami/desired.json',
  'mirrors/.kagami/declared.json',
  'mirrors/.kagami/credentials.key',
  'mirrors/.kagami/replicas/*.json',
  'mirrors/.kagami/trees/*.json',
  'mirrors/.kagami/spool/*.json',
  'mirrors/.kagami/spool/sent/stream',
]

type Harm = (path: string, text: string) => void
const HARMS: Readonly<Record<string, Harm>> = {
  empty: (path) => writeFileSync(path, ''),
  half: (path, text) => writeFileSync(path, text.slice(0, Math.max(1, Math.floor(text.trim().length / 2)))),
  garbage: (path) => writeFileSync(path, Buffer.from([0, 255, 254, 1, 2, 3, 200])),
  'another shape': (path) => writeFileSync(path, '{"a":1}'),
  directory(path) {
    rmSync(path)
    mkdirSync(path)
    writeFileSync(join(path, 'inside'), 'x')
  },
  unreadable: (path) => chmodSync(path, 0o000),
}

/** Root reads everything: this takes that right away, and nothing else. */
const WITHOUT_RIGHTS =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search', '--'] : []

const dice = createDice()
const cases = FILES.flatMap((file) => {
  const all = Object.keys(HARMS).flatMap((harm) => ['with', 'without'].map((copy) => [file, harm, copy] as const))
  return atFullSize ? all : [dice.pick(all)]
})

describe('a file of state', () => {
  const place = createPlace()
  const state = place.at('state')
  const rows: string[] = []
  let port = 0
  const before = { workerId: '', published: '' }

  const start = (): Program =>
    startThrough(place, {
      through: WITHOUT_RIGHTS,
      words: ['up', '--state-dir', state, '--config', place.at('worker.toml'), '--http-addr', `127.0.0.1:${port}`],
      env: { KAGAMI_NATS_SERVER: inject('tools').natsNew, XDG_STATE_HOME: place.at('home') },
    })
  const ask = async (path: string) =>
    (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as {
      items: { worker_id: string; last_sync: { outcome: string } | null }[]
    }
  const published = () => readFileSync(join(state, 'mirrors/a/file'), 'utf8')

  beforeAll(async () => {
    port = await freePort()
    writeFiles(place.at('www'), { file: 'the published file\n' })
    const upstream = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(upstream.stop)
    writeFileSync(
      place.at('worker.toml'),
      `name = "w"\ndata_dir = "${state}/mirrors"\n[[providers]]\nname = "a"\nkind = "http"\n` +
        `upstream = "${upstream.url}/file"\ninterval_secs = 3600\n`,
    )
    const first = start()
    await until('it has synced', async () => (await ask('replicas')).items[0]?.last_sync?.outcome === 'success', {
      seen: () => first.output().slice(-3000),
    })
    const spool = join(state, 'mirrors/.kagami/spool')
    const sent = () => readdirSync(join(spool, 'sent')).filter((name) => name.endsWith('.json'))
    await until('the stream has its report', () => sent().length > 0)
    await first.kill('SIGTERM')
    // A report that waits, as if the stream had not answered.
    renameSync(join(spool, 'sent', sent()[0]!), join(spool, sent()[0]!))
    // Where the supervisor did not know its stream yet when the worker joined: as an earlier version wrote it.
    const stream = join(spool, 'sent', 'stream')
    if (!existsSync(stream)) writeFileSync(stream, '2026-01-01T00:00:00.0Z')
    before.workerId = readFileSync(join(state, 'mirrors/.kagami/worker-id'), 'utf8').trim()
    before.published = published()
    execFileSync('cp', ['-a', state, place.at('good')])
  })

  afterAll(() => {
    const head = '| file | damage | version before it | exit | kept as | said |\n| --- | --- | --- | --- | --- | --- |'
    console.log(`seed ${dice.seed}\n${head}\n${rows.join('\n')}`)
  })

  test.each(cases)(
    '%s that is %s, %s the version before it, is said with its path, kept, and recovered or refused',
    async (file, harm, copy) => {
      rmSync(state, { recursive: true, force: true })
      execFileSync('cp', ['-a', place.at('good'), state])
      const path = pathOf(state, file)
      if (copy === 'without') rmSync(`${path}.previous`, { force: true })
      HARMS[harm]!(path, readFileSync(path, 'utf8'))
      const harmed = fingerprint(path)
      const program = start()
      onTestFinished(() => program.kill())
      await until(
        'it is up, or ended',
        () => program.output().includes('Kagami is up.') || program.child.exitCode !== null,
        {
          seen: () => program.output().slice(-3000),
        },
      )
      await until('the file is named', () => program.output().includes(path), {
        seen: () => program.output().slice(-3000),
      })
      const running = program.child.exitCode === null
      if (running)
        await until('the same worker is there', async () =>
          (await ask('workers')).items.some(({ worker_id }) => worker_id === before.workerId),
        )
      // How a start on damaged state goes, not how a program ends that is stopped in its first moments.
      const output = program.output()
      await program.kill('SIGTERM')
      const kept = keptOf(path).filter((one) => fingerprint(one) === harmed)
      const said =
        program
          .output()
          .split('\n')
          .find((line) => line.includes(path)) ?? ''
      const where = kept[0] === path ? 'where it was' : '.damaged-TIME'
      rows.push(
        `| ${file} | ${harm} | ${copy} | ${program.child.exitCode} | ${where} | ` +
          `${messageOf(said).replaceAll(`${state}/`, '').replaceAll('|', '/')} |`,
      )
      expect([program.child.exitCode, kept.length > 0, published()], said).toEqual([
        running ? 0 : 2,
        true,
        before.published,
      ])
      expect(output).not.toMatch(/This is a fault in Kagami|"stack"|^\s+at .*:\d+:\d+/m)
    },
  )
})

/** The only file of a pattern that has one asterisk at most. */
function pathOf(state: string, file: string): string {
  if (!file.includes('*')) return join(state, file)
  const folder = join(state, dirname(file))
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.json'))!,
  )
}

/** The file itself and those it was set aside as. */
function keptOf(path: string): string[] {
  const name = path.slice(dirname(path).length + 1)
  return readdirSync(dirname(path))
    .filter((one) => one === name || one.startsWith(`${name}.damaged-`))
    .map((one) => join(dirname(path), one))
}

/** What tells the harmed file from any other: its inode survives a rename. */
function fingerprint(path: string): string {
  const { ino, size, mode } = lstatSync(path)
  return `${ino} ${size} ${mode}`
}

function messageOf(line: string): string {
  try {
    return (JSON.parse(line) as { msg: string }).msg
  } catch {
    return line
  }
}

// up.test.ts — `kagami up`, as a newcomer runs it: three demo mirrors become ready, no process is left behind however
// it ends, and a second start continues where the first stopped.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import type { V0Resource } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { createPlace, type Place } from '../harness/place.ts'
import { freePort, runKagami, LAUNCHER, ROOT } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

/** Processes with the scratch folder in their command line: all of ours, and no others. */
function processesOf(place: Place): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return command.includes(place.dir) ? [`${pid} ${command}`] : []
      } catch {
        return []
      }
    })
}

interface Up {
  readonly launcher: ChildProcess
  readonly url: string
  readonly ended: Promise<number | null>
  output(): string
}

/** Starts it through the launcher with the first Node on PATH, as npm does. */
async function up(place: Place, port: number): Promise<Up> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? place.dir,
    XDG_STATE_HOME: place.at('home', '.local', 'state'),
  }
  const launcher = spawn(
    'node',
    [LAUNCHER, 'up', '--state-dir', place.at('state'), '--http-addr', `127.0.0.1:${port}`],
    { cwd: place.dir, env, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  place.onEnd(() => launcher.kill('SIGKILL'))
  let text = ''
  launcher.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  launcher.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => launcher.once('exit', resolve))
  await until('it prints that it is up', () => text.includes('Kagami is up.'), { seen: () => text })
  return { launcher, url: `http://127.0.0.1:${port}`, ended, output: () => text }
}

const resourcesOf = async ({ url }: Up) => (await (await fetch(`${url}/resources`)).json()) as V0Resource[]
const readyOf = (running: Up) =>
  until(
    'all three demo mirrors are ready',
    async () => {
      const resources = await resourcesOf(running)
      return resources.length === 3 && resources.every((resource) => resource.status === 'ready') && resources
    },
    { seen: () => running.output() },
  )
const idsOf = (resources: V0Resource[]) =>
  resources
    .flatMap((resource) =>
      resource.replicas.map((replica) => `${replica.worker_id} ${replica.replica_id} ${replica.name}`),
    )
    .sort()
const historyOf = async ({ url }: Up) =>
  (
    (await (await fetch(`${url}/api/v1/syncs?state=finished&limit=500`)).json()) as { items: { sync_id: string }[] }
  ).items.map((sync) => sync.sync_id)

describe('kagami up', () => {
  const place = createPlace()
  let ids: string[]
  let history: string[]

  test('mirrors a git, an rsync and an http upstream within a minute, and prints where the UI is', async () => {
    const running = await up(place, await freePort())
    const resources = await readyOf(running)
    expect(resources.map((resource) => resource.replicas[0]!.kind).sort()).toEqual(['git', 'http', 'rsync'])
    expect(running.output()).toContain(`${running.url}/ui/#token=`)
    expect((await fetch(`${running.url}/ui/`)).status).toBe(200)
    ids = idsOf(resources)
    history = await until('the history is kept', async () => {
      const known = await historyOf(running)
      return known.length >= 3 && known
    })
    running.launcher.kill('SIGKILL')
    await until('nothing is left ten seconds after kill -9 of the parent', () => processesOf(place).length === 0, {
      timeoutMs: 10_000,
      seen: () => processesOf(place),
    })
  })

  test('a second start keeps ids and history, and Ctrl-C leaves nothing behind', async () => {
    const running = await up(place, await freePort())
    const resources = await readyOf(running)
    expect(idsOf(resources)).toEqual(ids)
    expect(await historyOf(running)).toEqual(expect.arrayContaining(history))
    const second = await runKagami(place, ['up', '--state-dir', place.at('state')])
    expect(second.code).toBe(2)
    expect(second.stderr).toContain(`another Kagami already runs in ${place.at('state')}`)
    running.launcher.kill('SIGINT')
    expect(await running.ended).toBe(0)
    expect(processesOf(place)).toEqual([])
  })

  test('writing needs the token, which the command line of the same user finds by itself', async () => {
    const running = await up(place, await freePort())
    const [worker] = (await resourcesOf(running))[0]!.replicas
    const refused = await fetch(`${running.url}/workers/${worker!.worker_id}/sync`, {
      method: 'POST',
      body: '{"resource":null}',
      headers: { 'content-type': 'application/json' },
    })
    expect(refused.status).toBe(401)
    const asked = await runKagami(place, ['sync', 'release-http', '--wait', '--api', running.url], {
      XDG_STATE_HOME: place.at('home', '.local', 'state'),
    })
    expect([asked.code, asked.stderr.includes('error')]).toEqual([0, false])
    running.launcher.kill('SIGTERM')
    expect(await running.ended).toBe(0)
  })

  test('started by npm, it ends when npm is killed, though a shell stands between them', async () => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? place.dir,
      XDG_STATE_HOME: place.at('xdg'),
      KAGAMI_STATE_DIR: place.at('npm'),
      SUPERVISOR_HTTP_ADDR: `127.0.0.1:${await freePort()}`,
    }
    const npm = spawn('npm', ['start', '--silent'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'ignore'] })
    place.onEnd(() => npm.kill('SIGKILL'))
    let text = ''
    npm.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await until('it prints that it is up', () => text.includes('Kagami is up.'), { seen: () => text })
    expect(processesOf(place)).not.toEqual([])
    npm.kill('SIGKILL')
    await until('nothing is left', () => processesOf(place).length === 0, {
      timeoutMs: 10_000,
      seen: () => processesOf(place),
    })
  })

  test('a port in use is reported, with its owner and another port to use', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    place.onEnd(() => new Promise((resolve) => taken.close(resolve)))
    const { port } = taken.address() as { port: number }
    const refused = await runKagami(
      place,
      ['up', '--state-dir', place.at('other'), '--http-addr', `127.0.0.1:${port}`],
      {
        HOME: process.env['HOME'] ?? '',
      },
    )
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain(`127.0.0.1:${port} is in use by `)
    expect(refused.stderr).toContain(`127.0.0.1:${port + 1}`)
    expect(processesOf(place)).toEqual([])
  })
})

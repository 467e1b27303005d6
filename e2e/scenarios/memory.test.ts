// memory.test.ts — A worker in a group of processes with a limit of memory: a sync that needs more is ended by the
// kernel. It says so, readers keep what they have, and it succeeds when the limit is raised. Needs root.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, startGitDaemon } from '@kagami/demo'
import { expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const MIB = 2 ** 20
const BLOB_BYTES = 300 * MIB
/** What the worker may have beyond what it has when nothing runs. */
const ROOM_BYTES = 200 * MIB

const place = createPlace()
const group = makeGroup()

interface Group {
  add(pid: number): void
  used(): number
  limit(bytes: number | null): void
}

/** A group of processes of our own; null where this user or this machine has none. */
function makeGroup(): Group | null {
  if (process.getuid?.() !== 0) return null
  const root = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'].find((folder) => existsSync(join(folder, 'cgroup.procs')))
  if (!root) return null
  const folder = join(root, `kagami-test-${process.pid}`)
  const older = root.endsWith('memory')
  const [usage, maximum] = older ? ['usage_in_bytes', 'limit_in_bytes'] : ['current', 'max']
  const at = (name: string) => join(folder, `memory.${name}`)
  try {
    mkdirSync(folder)
  } catch {
    return null
  }
  place.onEnd(() => rmdirSync(folder))
  if (!existsSync(at(maximum))) return null
  return {
    add: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
    used: () => Number(readFileSync(at(usage), 'utf8')),
    limit: (bytes) => writeFileSync(at(maximum), bytes === null ? (older ? '-1' : 'max') : String(bytes)),
  }
}

test.runIf(group !== null)(
  'a sync that is killed because it needs too much memory says so, harms no copy, and succeeds with more memory',
  { timeout: 600_000 },
  async ({ task }) => {
    const repository = place.at('git', 'r')
    await ensureRepository(repository)
    await commit(repository, { message: 'small', files: { small: 'small\n' } })
    const upstream = await startGitDaemon({ dir: place.at('git') })
    place.onEnd(upstream.stop)
    const nats = await startNats(place, 'new')
    const supervisor = await startSupervisor(place, { nats: nats.url })
    const worker = await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'r', kind: 'git', upstream: `${upstream.url}/r` }],
    })
    group!.add(worker.pid)
    const seen = () => worker.output().slice(-2000)
    const replica = async () => (await supervisor.api.call('listReplicas')).items[0]
    const sync = async () => {
      const one = await until('it is there', replica, { seen })
      const before = one.last_sync?.sync_id
      await supervisor.api.call('syncReplica', { params: { id: one.replica_id } })
      return until(
        'its sync has ended',
        async () => {
          const last = (await replica())?.last_sync
          return last && last.sync_id !== before && last
        },
        { seen },
      )
    }
    const published = () =>
      execFileSync('git', ['-c', 'safe.directory=*', '-C', place.at('data', 'r'), 'rev-parse', 'HEAD'], {
        encoding: 'utf8',
      })
    expect((await sync()).outcome).toBe('success')
    const before = published()
    // As text, because that is what commits are made of here.
    const large = randomBytes((BLOB_BYTES * 3) / 4).toString('base64')
    execFileSync('git', ['--git-dir', repository, 'config', 'core.compression', '0'])
    await commit(repository, { message: 'large', files: { large } })
    group!.limit(group!.used() + ROOM_BYTES)
    const killed = await sync()
    expect(killed.outcome, seen()).toBe('failed')
    expect(killed.message).toMatch(/^git was killed by the system \(SIGKILL\): it needed more memory than it may have/)
    expect(killed.hint).toContain('more memory')
    expect([published(), worker.child.exitCode, worker.child.signalCode]).toEqual([before, null, null])
    group!.limit(null)
    expect((await sync()).outcome, seen()).toBe('success')
    expect(published()).not.toBe(before)
    expect(worker.output()).not.toContain('This is a fault in Kagami')
    task.meta.figure = `${BLOB_BYTES / MIB} MiB with ${ROOM_BYTES / MIB} MiB to spare: "${killed.message}"`
  },
)

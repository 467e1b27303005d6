// inherited.test.ts — Whatever the program that starts a worker leaves it (locale, time zone, home, umask, stdin, user,
// no /proc), it publishes the same files with the same rights, for every kind and both ways to publish.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { startMirrors, syncAll, type Mirrors } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { ROOT, startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

interface Inherited {
  readonly env?: Record<string, string>
  /** The program that becomes the worker. */
  readonly through?: readonly string[]
  readonly owner?: string
}

const root = process.getuid?.() === 0
const NOBODY = '23456'
/** A shell that prepares something, and becomes the worker. */
const after = (command: string) => ['sh', '-c', `${command}; exec "$@"`, 'sh']
const LEFT: Record<string, Inherited> = {
  'no home, and a locale that is not there': { through: ['env', '-u', 'HOME', 'LC_ALL=xx_XX', 'LANG=xx_XX'] },
  'a Turkish locale and a time zone with half hours': { env: { LANG: 'tr_TR.UTF-8', TZ: 'Asia/Kolkata' } },
  'a time zone that is none': { env: { TZ: 'Nowhere/Nothing' } },
  'umask 077 and a closed stdin': { through: after('umask 077; exec 0<&-') },
  ...(root
    ? {
        'no /proc': {
          through: ['unshare', '-m', '--propagation', 'private', ...after('mount -t tmpfs none /proc')],
        },
      }
    : {}),
  ...(root && mayEnter()
    ? {
        'a user who is in no passwd file and has no home': {
          through: ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', 'env', '-u', 'HOME'],
          owner: NOBODY,
        },
      }
    : {}),
}

/** Whether another user may read this program: not when it lies below the home of root. */
function mayEnter(): boolean {
  try {
    execFileSync('setpriv', ['--reuid', NOBODY, '--clear-groups', 'test', '-r', `${ROOT}/package.json`])
    return true
  } catch {
    return false
  }
}

describe('a worker that inherits', () => {
  const place = createPlace()
  let mirrors: Mirrors
  let nats: { url: string }
  let supervisor: SupervisorProgram
  /** Rights and names of what a worker publishes that inherits nothing odd, by mirror. */
  let plain: ReadonlyMap<string, string>

  /** Rights and names of what is published; git names its packs by chance. */
  const rights = (dir: string, names: readonly string[]) =>
    new Map(
      names.map((name) => {
        const listed = execFileSync('find', ['-L', name, '-printf', '%m %P\n'], {
          cwd: place.at(dir),
          encoding: 'utf8',
        })
        const kept = listed.split('\n').filter((line) => !name.startsWith('git') || !/[0-9a-f]{38,}/.test(line))
        return [name, kept.sort().join('\n')]
      }),
    )
  const published = async (dir: string, inherited: Inherited, kinds = mirrors.all) => {
    const { env, through, owner } = inherited
    mkdirSync(place.at(dir))
    if (owner) execFileSync('chown', [owner, place.at(dir)])
    const providers = kinds.map(({ subject: _subject, ...provider }) => provider)
    const worker = await startWorker(place, {
      nats: nats.url,
      dir,
      providers,
      env: { KAGAMI_NAME: dir, ...env },
      ...(through ? { through } : {}),
    })
    const joined = async () => (await supervisor.api.call('listWorkers')).items.find(({ name }) => name === dir)
    const { worker_id } = await until('it joined', joined, { seen: () => worker.output() })
    const names = kinds.map(({ name }) => name)
    for (const [name, sync] of Object.entries(await syncAll(supervisor, worker_id, names)))
      expect(sync, `${name}: ${sync.message}`).toMatchObject({ outcome: 'success', message: null })
    for (const { name, subject } of kinds)
      expect(mirrors.read(place.at(dir, name), subject), name).toBe(mirrors.expected(subject))
    await worker.kill('SIGTERM')
    expect(worker.output()).not.toMatch(/"level":[56]0|\n {4}at /)
    return rights(dir, names)
  }

  beforeAll(async () => {
    chmodSync(place.dir, 0o755)
    mirrors = await startMirrors(place)
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    plain = await published('plain', {})
  })

  test.each(Object.entries(LEFT))('%s', async (what, inherited) => {
    // The rsync that the tests fetched may lie where only its owner may enter.
    const all = inherited.owner && !existsSync('/usr/bin/rsync') ? mirrors.all.filter(isNoRsync) : mirrors.all
    const dir = `data-${Object.keys(LEFT).indexOf(what)}`
    expect(await published(dir, inherited, all)).toEqual(new Map(all.map(({ name }) => [name, plain.get(name)!])))
  })
})

const isNoRsync = ({ kind }: { kind: string }) => kind !== 'rsync'

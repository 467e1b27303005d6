// container.test.ts — Programs in containers: what docker and podman are told, word for word, with a runtime that
// records it; and, where one can be asked on this machine, real containers.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createProber } from '../../sync/syncs.ts'
import { killAfter, sandboxForEach } from '../../testing/kills.ts'
import { PATIENCE } from '../../testing/patience.ts'
import { commandLines, readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'
import { commandsOf, writeScript } from '../../testing/worker-toml.ts'
import { argumentsOf, labelOf, nameOf } from './container.ts'
import { createCommandProvider } from './command.ts'

let sandbox: Sandbox
sandboxForEach((fresh) => (sandbox = fresh))

const SECRET = 'correct-horse-battery'
/** Tells our programs from those of other runs of this test. */
const NAP = 100_000_000 + process.pid
const OWNER = `${process.getuid!()}:${process.getgid!()}`
const table = (command: readonly string[], container: object, more: object = {}) => ({
  name: 'script',
  command,
  container,
  ...more,
})
const call = (...tables: Parameters<typeof table>): SyncCall => ({
  kind: 'command',
  upstream: 'https://127.0.0.1/pub/',
  options: { command: 'script' },
  commands: commandsOf(table(...tables)),
})

describe('the arguments of a container', () => {
  const contained = (container: object, more: object = {}) => ({
    runtime: 'docker' as const,
    container: commandsOf(table(['sync', '--all'], container))[0]!.container!,
    command: commandsOf(table(['sync', '--all'], container, more))[0]!,
    name: 'kagami-1',
    label: 'abc',
    workingDir: '/data/.kagami/staging/r',
    scratch: '/data/.kagami/scratch/s',
    env: { HOME: '/data/.kagami/scratch/s/home', TUNASYNC_MIRROR_NAME: 'pypi', TOKEN: SECRET },
    owner: '998:998',
  })

  it('are these, with what worker.toml says and with what it does not', () => {
    expect(argumentsOf(contained({ image: 'docker.io/tunathu/x:1' }))).toEqual([
      'run',
      '--rm',
      '--name=kagami-1',
      '--label=org.kagami.data-dir=abc',
      '--log-driver=none',
      '--security-opt=no-new-privileges',
      '--workdir=/data/.kagami/staging/r',
      '--user=998:998',
      '--volume=/data/.kagami/staging/r:/data/.kagami/staging/r',
      '--volume=/data/.kagami/scratch/s:/data/.kagami/scratch/s',
      '--env=HOME=/data/.kagami/scratch/s/home',
      '--env=TUNASYNC_MIRROR_NAME',
      '--env=TOKEN',
      'docker.io/tunathu/x:1',
      'sync',
      '--all',
    ])
    const whole = { image: 'x', volumes: ['/etc/x:/conf:ro', '/srv:/srv'], user: '1000:100', network: 'host' }
    expect(argumentsOf(contained(whole, { memory_mib: 512 }))).toEqual(
      expect.arrayContaining([
        '--user=1000:100',
        '--network=host',
        '--memory=512m',
        '--volume=/etc/x:/conf:ro',
        '--volume=/srv:/srv',
      ]),
    )
    expect(argumentsOf(contained({ image: 'x' })).join(' ')).not.toContain(SECRET)
  })

  it('keep the user of the worker where podman has users of its own', () => {
    expect(argumentsOf({ ...contained({ image: 'x' }), runtime: 'podman' })).toContain('--userns=keep-id')
    expect(argumentsOf({ ...contained({ image: 'x' }), runtime: 'podman', owner: '0:0' })).not.toContain(
      '--userns=keep-id',
    )
  })

  it('cannot say a path with a colon', () =>
    expect(() => argumentsOf({ ...contained({ image: 'x' }), workingDir: '/a:/b' })).toThrow('has a colon or comma'))
})

it.each([
  [{ image: '--privileged' }, 'container.image must match pattern'],
  [{ image: 'x y' }, 'container.image must match pattern'],
  [{ image: 'x', volumes: ['relative:/x'] }, 'container.volumes: "relative:/x" is not of the form'],
  [{ image: 'x', user: 'root' }, 'container.user must match pattern'],
  [{ image: 'x', network: '--x' }, 'container.network must match pattern'],
  [{ image: 'x', runtime: 'rkt' }, 'container.runtime must be one of docker, podman'],
  [{ image: 'x', privileged: true }, 'unknown key privileged in container'],
  [
    { image: 'x', volume: '/x:/x' },
    'unknown key volume in container; did you mean volumes = ["/path/here:/path/inside"]?',
  ],
  [{ image: 'x', memory: '1g' }, 'unknown key memory in container; did you mean memory_mib?'],
  [{}, 'container.image is required'],
])('a container like %j is refused in worker.toml', (container, message) =>
  expect(() => commandsOf(table(['x'], container))).toThrow(`worker.toml: commands[0] (script): ${message}`),
)

describe('a runtime that records what it is told', () => {
  const path = process.env['PATH']
  const calls = () =>
    existsSync(join(sandbox.dir, 'calls'))
      ? readFileSync(join(sandbox.dir, 'calls'), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : []
  const answer = (name: string, ps = 'exit 0') =>
    writeScript(
      join(sandbox.dir, 'bin', name),
      `echo "${name} $*" >> ${join(sandbox.dir, 'calls')}
case $1 in
  ps) ${ps};;
  run)
    for word; do case $word in --workdir=*) cd "\${word#--workdir=}";; --env=*=*) export "\${word#--env=}";; esac; done
    while [ "$1" != image ]; do shift; done
    shift; "$@";;
esac`,
    )
  beforeEach(() => {
    mkdirSync(join(sandbox.dir, 'bin'))
    process.env['PATH'] = `${join(sandbox.dir, 'bin')}:/usr/bin:/bin`
  })
  afterEach(() => void (process.env['PATH'] = path))

  it('gets secrets by name alone, and is asked to end the container when it has ended', async () => {
    answer('docker')
    const program = ['bash', '-c', 'echo "$TOKEN $TUNASYNC_MIRROR_NAME" > file; echo $HOME > home']
    const report = await sandbox.sync(call(program, { image: 'image' }, { env: { TOKEN: SECRET } }))
    expect(report).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)['file']).toBe(`${SECRET} copy\n`)
    expect(readTree(sandbox.published)['home']).toContain('/.kagami/scratch/')
    const name = nameOf(labelOf(sandbox.dataDir), 'replica-1')
    expect(calls().map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'docker ps --quiet',
      'docker rm --force',
      'docker run --rm',
      'docker rm --force',
    ])
    expect(calls()[2]).toContain(`--name=${name} --label=org.kagami.data-dir=${labelOf(sandbox.dataDir)} `)
    expect(calls()[2]).toContain(` --user=${OWNER} `)
    expect(calls()[3]).toBe(`docker rm --force ${name}`)
    expect(calls().join()).not.toContain(SECRET)
  })

  it('ends the container also when the sync is cancelled, and the program ignores that', async () => {
    answer('docker')
    const stop = new AbortController()
    const report = await sandbox.sync({
      ...call(['bash', '-c', 'trap "" TERM; echo x > file; echo ready; while true; do sleep 1; done'], {
        image: 'image',
      }),
      signal: stop.signal,
      onProgress: ({ line }) => line === 'ready' && stop.abort('cancelled'),
    })
    expect(report).toMatchObject({ outcome: 'cancelled' })
    expect(calls().at(-1)).toMatch(/^docker rm --force kagami-/)
  }, 20_000)

  it('is the first that answers, or the one that worker.toml names', async () => {
    answer('docker', 'echo "Cannot connect" >&2; exit 1')
    answer('podman')
    expect(await sandbox.sync(call(['touch', 'file'], { image: 'image' }))).toMatchObject({ outcome: 'success' })
    expect(calls().some((line) => line.startsWith('podman run'))).toBe(true)
    const asked = await sandbox.sync(call(['touch', 'file'], { image: 'image', runtime: 'docker' }))
    expect(asked).toMatchObject({ outcome: 'failed', reason: 'tool_missing' })
    expect(asked.hint).toContain('docker ps must work for that user')
  })

  it('that could not start the container is told, with what to try', async () => {
    answer('docker')
    const report = await sandbox.sync(
      call(['bash', '-c', 'echo "docker: Error response from daemon: no such image" >&2; exit 125'], {
        image: 'image',
      }),
    )
    expect(report).toMatchObject({ outcome: 'failed', reason: 'unknown', exit_code: 125 })
    expect(report.message).toContain('the container of script did not run: docker: Error response')
    expect(report.hint).toContain('docker pull image')
  })

  it('is asked at the start of a worker for what a killed one has left, and to end it', async () => {
    answer('docker', 'case $* in *filter*) echo c1; echo c2;; esac')
    const provider = createCommandProvider(commandsOf(table(['x'], { image: 'image' })), sandbox.dataDir)
    expect(await provider.probe(createProber([]))).toEqual({ available: true, detail: 'script' })
    expect(calls()).toEqual([
      'docker ps --quiet',
      `docker ps --all --quiet --filter=label=org.kagami.data-dir=${labelOf(sandbox.dataDir)}`,
      'docker rm --force c1 c2',
    ])
    rmSync(join(sandbox.dir, 'bin', 'docker'))
    expect(await provider.probe(createProber([]))).toEqual({
      available: false,
      detail: 'script cannot be started: no docker and no podman to ask',
    })
  })
})

const runtime = ['docker', 'podman'].find(
  (name) => spawnSync(name, ['ps', '--quiet'], { stdio: 'ignore' }).status === 0,
)

describe.skipIf(runtime === undefined)('a real container', () => {
  const container = { image: 'localhost/kagami-test:1', runtime, network: 'host' }
  const running = () =>
    execFileSync(runtime!, ['ps', '--all', '--quiet', `--filter=label=org.kagami.data-dir=${labelOf(sandbox.dataDir)}`])
      .toString()
      .trim()
  beforeEach(() => {
    // Of programs of this machine, because no registry may be reachable.
    const root = join(sandbox.dir, 'root')
    for (const program of ['/bin/bash', '/usr/bin/sleep', '/usr/bin/id', '/bin/cat']) {
      const libraries = spawnSync('ldd', [program]).stdout.toString().match(/\/\S+/g) ?? []
      for (const file of [program, ...libraries]) {
        mkdirSync(join(root, file, '..'), { recursive: true })
        execFileSync('cp', ['-L', file, join(root, file)])
      }
    }
    mkdirSync(join(root, 'tmp'))
    execFileSync('tar', ['-C', root, '-cf', `${root}.tar`, '.'])
    execFileSync(runtime!, ['import', `${root}.tar`, container.image], { stdio: 'ignore' })
  })

  it('writes the mirror, sees its variables and volumes, and nothing of the machine', async () => {
    mkdirSync(join(sandbox.dir, 'conf'))
    writeScript(
      join(sandbox.dir, 'conf', 'inside.sh'),
      'echo "$TOKEN $TUNASYNC_MIRROR_NAME $PWD $(id -u)" > file; echo "30% done"',
    )
    const volumes = [`${join(sandbox.dir, 'conf')}:/conf:ro`]
    const mirror = call(
      ['/bin/bash', '-c', '[ ! -e /usr/lib/os-release ] && . /conf/inside.sh'],
      { ...container, volumes },
      { env: { TOKEN: SECRET }, memory_mib: 256 },
    )
    const report = await sandbox.sync(mirror)
    expect(report, sandbox.log(report)).toMatchObject({ outcome: 'success', files: 1 })
    const staging = join(sandbox.dataDir, '.kagami', 'staging', 'replica-1')
    expect(readTree(sandbox.published)).toEqual({ file: `${SECRET} copy ${staging} ${process.getuid!()}\n` })
    expect(statSync(join(sandbox.published, 'file')).uid).toBe(process.getuid!())
    expect(sandbox.log(report)).toContain('30% done')
    expect(await sandbox.sync({ ...mirror, options: { command: 'script', publish: 'swap' } })).toMatchObject({
      outcome: 'success',
    })
    expect(running()).toBe('')
  }, 60_000)

  it('is gone when its sync is cancelled, and when the program ends with a failure', async () => {
    const stop = new AbortController()
    const endless = `trap "" TERM; echo x > file; (sleep ${NAP} &); echo ready; while true; do sleep 1; done`
    const report = await sandbox.sync({
      ...call(['/bin/bash', '-c', endless], container),
      signal: stop.signal,
      onProgress: ({ line }) => line === 'ready' && stop.abort('cancelled'),
    })
    expect(report).toMatchObject({ outcome: 'cancelled' })
    expect(running()).toBe('')
    expect(commandLines()).not.toContain(`sleep\x00${NAP}`)
    const failed = await sandbox.sync(call(['/bin/bash', '-c', 'exit 7'], container))
    expect(failed).toMatchObject({ outcome: 'failed', exit_code: 7 })
    expect(readdirSync(join(sandbox.dataDir, '.kagami', 'scratch'))).toEqual([])
  }, 60_000)

  it('that a killed worker has left is ended at the next start', async () => {
    const tables = [table(['/bin/bash', '-c', `echo x > file; while true; do sleep ${NAP}; done`], container)]
    await killAfter(4000, sandbox.dataDir, {
      kind: 'command',
      upstream: 'https://127.0.0.1/',
      options: { command: 'script' },
      commands: tables,
    })
    expect(running()).not.toBe('')
    await createCommandProvider(commandsOf(...tables), sandbox.dataDir).probe(createProber([]))
    expect(running()).toBe('')
    await vi.waitFor(() => expect(commandLines()).not.toContain(`sleep\x00${NAP}`), PATIENCE)
  }, 60_000)
})

// cli.test.ts — Every command line of v0 runs as written; the others print tables for people and JSON for
// programs, and fail with a message and an exit code.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import {
  startSupervisor,
  startWorker,
  freePort,
  runKagami,
  startProgram,
  type SupervisorProgram,
} from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const words = (line: string) => line.trim().split(/\s+/)

/** Joins patterns to one that matches them one after the other. */
const joined = (parts: readonly RegExp[]) => new RegExp(parts.map(({ source }) => source).join(''))

describe('kagami run', () => {
  const place = createPlace()

  test('supervisor and worker run as written, with every option of the line', async () => {
    const nats = await startNats(place)
    const port = await freePort()
    const supervisor = startProgram(
      place,
      words(
        `run supervisor --nats-url ${nats.url} --http-addr 127.0.0.1:${port} --db-url ` +
          'sqlite://supervisor.db?mode=rwc --auto-approve false',
      ),
    )
    await until('it is ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, {
      seen: () => supervisor.output(),
    })
    expect(existsSync(place.at('supervisor.db'))).toBe(true)
    await until(
      'it prints how to sign in',
      () => /Sign in: {2}http:\/\/127\.0\.0\.1:\d+\/ui\/#token=kgm_/.test(supervisor.output()),
      { seen: () => supervisor.output() },
    )
    writeFileSync(place.at('worker.toml'), '')
    const worker = startProgram(
      place,
      words(`run worker --nats-url ${nats.url} --data-dir ${place.at('data')} --config ${place.at('worker.toml')}`),
      { KAGAMI_HTTP_ADDR: '127.0.0.1:0' },
    )
    const id = await until(
      'it requests to join',
      async () =>
        (
          (await (await fetch(`http://127.0.0.1:${port}/workers`)).json()) as { worker_id: string; status: string }[]
        ).find((one) => one.status === 'pending')?.worker_id,
      { seen: () => worker.output() },
    )
    const token = { KAGAMI_TOKEN: readFileSync(place.at('api-token'), 'utf8').trim() }
    expect(
      await runKagami(place, words(`supervisor approve ${id} --api http://127.0.0.1:${port}`), token),
    ).toMatchObject({
      code: 0,
      stdout: `Approved ${id}\n`,
    })
    expect(
      await runKagami(place, words(`supervisor terminate ${id} --api http://127.0.0.1:${port}`), token),
    ).toMatchObject({ code: 0, stdout: `Terminated ${id}\n` })
    expect(await worker.exited).toBe(0)
    for (const verb of ['approve', 'terminate']) {
      const missing = await runKagami(place, words(`supervisor ${verb} nobody --api http://127.0.0.1:${port}`), token)
      expect([missing.code, missing.stdout]).toEqual([3, ''])
      expect(missing.stderr).toContain('there is no worker nobody')
    }
    const stranger = await runKagami(place, words(`supervisor approve ${id} --api http://127.0.0.1:${port}`), {
      XDG_STATE_HOME: place.at('nowhere'),
      KAGAMI_TOKEN: 'wrong-token-wrong',
    })
    expect([stranger.code, stranger.stderr]).toEqual([4, expect.stringContaining('the token is wrong')])
    supervisor.child.kill('SIGTERM')
    expect(await supervisor.exited).toBe(0)
  })
})

describe('kagami docker', () => {
  const place = createPlace()
  const record = async (line: string) => {
    writeFileSync(place.at('calls'), '')
    const run = await runKagami(place, words(line), { PATH: `${place.at('bin')}:${process.env['PATH']}` })
    return { code: run.code, calls: readFileSync(place.at('calls'), 'utf8').trim().split('\n') }
  }

  beforeAll(() => {
    mkdirSync(place.at('bin'))
    writeFileSync(place.at('bin', 'docker'), `#!/bin/sh\necho "docker $*" >> ${place.at('calls')}\n`)
    chmodSync(place.at('bin', 'docker'), 0o755)
  })

  test.each([
    [
      'docker build worker --supervisor-tag kagami-supervisor --worker-tag kagami-worker',
      [/^docker build -f \S+\/Dockerfile\.worker -t kagami-worker \S+$/],
    ],
    ['docker build supervisor --tag mine', [/^docker build -f \S+\/Dockerfile\.supervisor -t mine \S+$/]],
    ['docker build all', [/Dockerfile\.supervisor -t kagami-supervisor/, /Dockerfile\.worker -t kagami-worker/]],
    ['docker run nats --port 4222 --monitor-port 8222', [/^docker run .*-p 4222:4222 -p 8222:8222 .*-js/]],
    ['docker nats --port 4333 --image nats:2.10 --jetstream', [/^docker run .*-p 4333:4222 .*nats:2\.10 -js/]],
    [
      'docker run supervisor --image kagami-supervisor --nats-url nats://host.docker.internal:4222 ' +
        '--http-addr 0.0.0.0:21000 --db-url sqlite:///data/supervisor.db?mode=rwc --auto-approve false --port 21000',
      [
        joined([
          /^docker run -d .*--add-host host\.docker\.internal:host-gateway -p 21000:21000 /,
          /-v kagami-supervisor:\/data -e KAGAMI_NATS_URL=nats:\/\/host\.docker\.internal:4222 /,
          /.*-e SUPERVISOR_DATABASE_URL=sqlite:\/\/\/data\/supervisor\.db\?mode=rwc /,
          /-e SUPERVISOR_AUTO_APPROVE=false kagami-supervisor$/,
        ]),
      ],
    ],
    [
      'docker run worker --image kagami-worker --nats-url nats://host.docker.internal:4222 --data-dir ' +
        '/var/lib/kagami/worker --port 8080 --config ./worker.toml',
      [
        joined([
          /^docker run -d .*-p 8080:8080 -v \/var\/lib\/kagami\/worker:\/data /,
          /-v \S+\/worker\.toml:\/app\/worker\.toml:ro /,
          /-e KAGAMI_NATS_URL=\S+ -e KAGAMI_DATA_DIR=\/data kagami-worker$/,
        ]),
      ],
    ],
  ] as [string, RegExp[]][])('%s', async (line, expected) => {
    const { code, calls } = await record(line)
    expect(code).toBe(0)
    expect(calls).toHaveLength(expected.length)
    expected.forEach((pattern, i) => expect(calls[i]).toMatch(pattern))
  })

  test('both Dockerfiles of the manual line are there', () => {
    for (const name of ['supervisor', 'worker']) expect(existsSync(`Dockerfile.${name}`)).toBe(true)
  })

  test('an unknown image and a missing engine are reported, with a way to run without an engine', async () => {
    const nothing = await runKagami(place, words('docker build everything'))
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('"everything" is nothing to build')])
    mkdirSync(place.at('empty'))
    const none = await runKagami(place, words('docker run nats'), { PATH: place.at('empty') })
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('run without one: kagami up')])
  })
})

describe('the everyday commands', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  const run = (line: string, env: Record<string, string> = {}) =>
    runKagami(place, words(line), { KAGAMI_API: supervisor.url, ...env })

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'f.txt'), 'x'.repeat(5000))
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
      providers: [
        { name: 'good', kind: 'http', upstream: `${files.url}/f.txt` },
        { name: 'bad', kind: 'http', upstream: `${files.url}/none` },
      ],
    })
    await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 2)
  })

  test('sync --wait waits until a sync ends, and its exit code is the result', async () => {
    const good = await run('sync good@sh-12 --wait')
    expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/✓ success good@sh-12\. .*4\.9 KiB received/)])
    const bad = await run('sync bad --wait')
    expect([bad.code, bad.stdout]).toEqual([1, expect.stringContaining('✕ failed bad@sh-12')])
    const both = await run('sync good bad --wait --json')
    expect(both.code).toBe(8)
    expect((JSON.parse(both.stdout.split('\n').find((line) => line.startsWith('['))!) as unknown[]).length).toBe(2)
  })

  test('status, lists and logs are tables without colour when piped', async () => {
    expect((await run('status')).stdout).toMatch(/✕ 1 failed {2}✓ 1 fresh/)
    expect((await run('workers')).stdout).toMatch(/STATE .*\n✓ online {2}sh-12/)
    expect((await run('replicas --health failed')).stdout).toMatch(/✕ failed {2}bad@sh-12/)
    expect((await run('replicas --health failed')).stdout).not.toContain('good@sh-12')
    expect((await run('mirrors')).stdout).toContain('✓ 1 fresh')
    expect((await run('syncs list --outcome failed')).stdout).toContain('upstream_missing')
    const log = await run('logs bad@sh-12')
    expect(log.stdout).toContain('404')
    expect(log.stderr).toContain('hint: Check the path, module or repository name')
    for (const line of ['status', 'workers', 'replicas', 'mirrors', 'syncs'])
      expect((await run(line)).stdout).not.toContain('\u001b')
  })

  test.each([
    'status',
    'workers',
    'workers get sh-12',
    'replicas',
    'replicas list --limit 1',
    'replicas get good@sh-12',
    'resources',
    'resources get good',
    'syncs',
  ])('%s --json is JSON', async (line) => {
    const { code, stdout } = await run(`${line} --json`)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toBeTruthy()
  })

  test('a replica is added and removed; credentials come from the environment and are never printed', async () => {
    const added = await run(
      'replicas add https://example.invalid/tools/tool.git --worker sh-12 --label env=prod --interval 3600',
      { KAGAMI_AUTH: '{"type":"basic","username":"u","password":"pw-s3cret"}' },
    )
    expect([added.code, added.stdout]).toEqual([0, 'Added tool@sh-12\n'])
    await until('it is shown', async () => (await run('replicas get tool@sh-12')).code === 0)
    const shown = await run('replicas get tool@sh-12 --json')
    expect(JSON.parse(shown.stdout)).toMatchObject({ kind: 'git', interval_secs: 3600, labels: { env: 'prod' } })
    expect(shown.stdout).not.toContain('pw-s3cret')
    expect(await run('replicas remove tool@sh-12 --yes')).toMatchObject({
      code: 0,
      stdout: 'Removed tool@sh-12. Its files stay on the worker.\n',
    })
  })

  test.each([
    ['replicas get nothing@sh-12', 3, 'there is no replica "nothing@sh-12"'],
    ['workers get nobody', 3, 'there is no worker "nobody"'],
    ['logs 0000-nothing', 3, 'there is no sync'],
    [
      'replicas add ftp://x/y --worker sh-12 --kind http',
      2,
      'upstream must be a URL that begins with https:// or http://',
    ],
    ['replicas --sort nonsense', 2, 'sort must be one of'],
    ['statsu', 2, 'Did you mean status?'],
    ['workers terminate sh-12', 2, 'kagami workers terminate w-1 --yes'],
    ['status --api http://127.0.0.1:1', 6, 'cannot reach the Supervisor at http://127.0.0.1:1'],
  ])('%s exits with %i and prints why', async (line, code, text) => {
    const failed = await run(line)
    expect([failed.code, failed.stdout]).toEqual([code, ''])
    expect(failed.stderr).toContain(text)
  })

  test('with --json errors are JSON on stderr', async () => {
    const { code, stderr } = await run('workers get nobody --json')
    expect([code, JSON.parse(stderr)]).toEqual([
      3,
      { error: { code: 'not_found', message: expect.any(String), hint: expect.any(String) } },
    ])
  })

  test('workers are rejected and terminated by name', async () => {
    expect(await run('workers reject sh-12 --reason testing')).toMatchObject({ code: 0 })
    expect((await run('workers get sh-12')).stdout).toContain('testing')
    expect(await run('workers approve sh-12')).toMatchObject({ code: 0, stdout: 'Approved sh-12\n' })
    expect(await run('workers terminate sh-12 --yes')).toMatchObject({ code: 0, stdout: 'Terminated sh-12\n' })
    expect((await run('workers --json')).stdout.trim()).toBe('[]')
  })
})

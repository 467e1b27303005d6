// commands.test.ts — Programs that worker.toml names, in real programs: offered with their names, chosen through the
// API, and nothing else is ever started, whoever asks for it.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DESIRED_BUCKET, type Desired } from '@kagami/protocol'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import { newId, type NatsServer } from '@kagami/runtime'
import { beforeAll, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()
const UPSTREAM = 'https://127.0.0.1/pub/'
const SECRET = 'correct-horse-battery'
const spy = () => place.at('was-run')
let nats: NatsServer
let supervisor: SupervisorProgram
let worker: Program

const script = (name: string, text: string) => {
  mkdirSync(place.at('scripts'), { recursive: true })
  writeFileSync(place.at('scripts', name), `#!/bin/bash\n${text}\n`)
  chmodSync(place.at('scripts', name), 0o755)
  return place.at('scripts', name)
}
const add = (body: object) =>
  fetch(`${supervisor.url}/workers/w/add_replica`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'command', upstream: UPSTREAM, ...body }),
  })
const replica = async (name: string) =>
  (await supervisor.api.call('listReplicas')).items.find((one) => one.name === name)
const ended = (name: string) =>
  until(
    'it has synced',
    async () => {
      const now = await replica(name)
      return now?.activity === 'idle' && now.last_sync && now
    },
    { seen: () => worker.output() },
  )

beforeAll(async () => {
  script('evil.sh', `touch ${spy()}`)
  const waits = 'while [ ! -e $GO ]; do echo "50% of it"; sleep 0.2; done'
  const pypi = script('pypi.sh', `echo "token $TOKEN"; echo $KAGAMI_UPSTREAM > where; ${waits}`)
  writeFileSync(
    place.at('worker.toml'),
    `[[commands]]
name = "pypi"
command = ["${pypi}"]
env = { TOKEN = "${SECRET}", GO = "${place.at('go')}" }
upstreams = ["${UPSTREAM}"]

[[commands]]
name = "other"
command = ["${script('other.sh', 'echo x > file')}"]

[[commands]]
name = "not.there"
command = ["/opt/not/there"]
`,
  )
  nats = await startNats(place)
  supervisor = await startSupervisor(place, { nats: nats.url })
  worker = await startWorker(place, {
    nats: nats.url,
    env: { KAGAMI_WORKER_ID: 'w', KAGAMI_CONFIG: place.at('worker.toml') },
  })
  await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved')
})

test('a worker offers its programs by their names, and tells nothing else of them', async () => {
  const [found] = (await supervisor.api.call('listWorkers')).items
  const kind = found!.kinds.find((one) => one.kind === 'command')!
  expect(kind).toMatchObject({ available: true, detail: 'not.there cannot be started: no program /opt/not/there' })
  const { properties } = kind.options as { properties: Record<string, unknown> }
  expect(properties['command']).toMatchObject({ enum: ['pypi', 'other', 'not.there'] })
  expect(JSON.stringify(found)).not.toMatch(/correct-horse|pypi\.sh|GO|TOKEN/)
})

test.each([
  ['another name', { command: 'none' }],
  ['a path', { command: '/bin/sh' }],
  ['a list', { command: ['/bin/sh', '-c', 'reboot'] }],
  ['a table', { command: { name: 'pypi', command: ['/bin/sh'] } }],
  ['a number', { command: 0 }],
  ['nothing', null],
  ['no name', {}],
  ['a name of every object', { command: 'constructor' }],
  ['arguments', { command: 'pypi', args: ['-x'] }],
  ['a variable', { command: 'pypi', env: { LD_PRELOAD: '/x' } }],
  ['a program of its own', { command: 'pypi', commands: [{ name: 'pypi', command: ['/bin/sh'] }] }],
])('a replica that says %s is refused by the API', async (_what, options) => {
  const answer = await add({ name: 'refused', options })
  expect(answer.status).toBe(400)
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  expect(error.code).toBe('invalid_options')
  expect(error.message).toMatch(/^options\.command .*: one of pypi, other, not\.there$|^kind command has no option "/)
  expect(await replica('refused')).toBeUndefined()
})

test.each(['https://h/$(reboot)', 'https://h/;reboot', '-oProxyCommand=reboot', 'file:///etc', 'ssh://root@h/x'])(
  'a replica of %s is refused by the API',
  async (upstream) => {
    const answer = await add({ name: 'refused', upstream, options: { command: 'other' } })
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'invalid_upstream' } }])
  },
)

test('one of the names is chosen by command; its lines are shown while it runs, and its secret never', async () => {
  const words = ['replicas', 'add', UPSTREAM, '--worker', 'w', '--name', 'chosen', '--kind', 'command']
  const added = await runKagami(place, [...words, '--option', 'command=pypi', '--api', supervisor.url])
  expect(added).toMatchObject({ code: 0 })
  await until('it is there', () => replica('chosen'))
  expect(await runKagami(place, ['sync', 'chosen', '--api', supervisor.url])).toMatchObject({ code: 0 })
  const running = await until('it says how far it is', async () => {
    const { progress } = (await replica('chosen')) ?? {}
    return progress?.line === '50% of it' && progress
  })
  expect(running).toMatchObject({ phase: 'transferring', percent: 50 })
  writeFileSync(place.at('go'), '')
  const { last_sync: sync } = await ended('chosen')
  expect(sync).toMatchObject({ outcome: 'success' })
  expect(readFileSync(place.at('data/chosen/where'), 'utf8')).toBe(`${UPSTREAM}\n`)
  const log = await (await fetch(`${supervisor.url}/api/v1/syncs/${sync!.sync_id}/log`)).text()
  expect(log).toContain('token ***')
  expect(log + worker.output() + supervisor.output()).not.toContain(SECRET)
})

test('a patch chooses another name, and nothing that worker.toml does not name', async () => {
  const { replica_id: id } = (await replica('chosen'))!
  const patch = (body: object) =>
    fetch(`${supervisor.url}/api/v1/replicas/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(body),
    })
  for (const options of [
    { command: 'none' },
    { command: ['/bin/sh'] },
    { command: {} },
    { command: null },
    { argv: [] },
  ])
    expect((await patch({ options })).status).toBe(400)
  expect((await patch({ upstream: 'https://h/`reboot`' })).status).toBe(400)
  expect((await replica('chosen'))!.options).toEqual({ command: 'pypi' })
  expect((await patch({ options: { command: 'other' } })).status).toBe(200)
  expect((await replica('chosen'))!.options).toEqual({ command: 'other' })
})

test('a document on the wire that names something else starts nothing, whatever it says', async () => {
  // A supervisor would write the bucket anew.
  await supervisor.kill()
  const connection = await connect({ servers: nats.url })
  place.onEnd(() => connection.close())
  const bucket = await new Kvm(connection).open(DESIRED_BUCKET)
  const desired = (await bucket.get('w'))!.json<Desired>()
  const evil = place.at('scripts/evil.sh')
  const forged = [
    { command: evil },
    { command: [evil] },
    { command: { name: 'pypi', command: [evil] } },
    { command: 'pypi', args: [evil] },
    { command: 'pypi', env: { BASH_ENV: evil } },
    { command: '__proto__' },
    {},
  ].map((options, index) => ({
    ...desired.replicas[0]!,
    replica_id: `forged-${index}`,
    name: `forged-${index}`,
    options,
  }))
  const elsewhere = { ...forged[0]!, options: { command: 'pypi' }, upstream: 'https://elsewhere.example/' }
  const quoted = { ...forged[0]!, options: { command: 'other' }, upstream: 'https://h/`touch`' }
  const replicas = [
    ...forged,
    { ...elsewhere, replica_id: 'forged-7', name: 'forged-7' },
    { ...quoted, replica_id: 'forged-8', name: 'forged-8' },
  ]
  const syncs = replicas.map(({ replica_id }) => ({
    request_id: newId(),
    rev: desired.rev + 1,
    replica_id,
    requested_at: new Date().toISOString(),
  }))
  await bucket.put(
    'w',
    JSON.stringify({ ...desired, rev: desired.rev + 1, replicas, syncs: [...desired.syncs, ...syncs] }),
  )
  connection.publish('kagami.desired.w', '')
  const logs = () => replicas.map(({ replica_id }) => place.at('data/.kagami/logs', replica_id))
  await until('all were tried', () => logs().every(existsSync), { seen: () => worker.output() })
  expect(existsSync(spy())).toBe(false)
  for (const { name } of replicas) expect(existsSync(place.at('data', name))).toBe(false)
})

// golden.test.ts — Messages as each version sent them, recorded from real programs: today's schemas accept them all.
// `KAGAMI_RECORD=1` records those of this version again.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { startHttpUpstream } from '@kagami/demo'
import { checkFor, messages, subjectFor } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, ROOT } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

type Name = keyof typeof messages
interface Golden {
  readonly name: Name
  readonly part: 'message' | 'reply'
  readonly body: unknown
}

const folder = join(ROOT, 'e2e', 'golden')
const version = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
const versions = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : []
const load = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Golden[]
const schemaOf = ({ name, part }: Golden) =>
  (part === 'message'
    ? messages[name].schema
    : (messages[name] as { reply?: (typeof messages)[Name]['schema'] }).reply)!

describe('messages of every version up to this one', () => {
  test.each(versions)('%s: today’s programs accept each of them, also with unknown fields', (file) => {
    const golden = load(file)
    expect(golden.length).toBeGreaterThan(8)
    for (const one of golden) {
      const check = checkFor(schemaOf(one) as never)
      expect(check.ok(one.body), `${one.name} ${one.part}: ${JSON.stringify(check.problem(one.body))}`).toBe(true)
      expect(
        check.ok({ ...(one.body as object), some_future_field: { deep: [1] } }),
        `${one.name} ${one.part} with a future field`,
      ).toBe(true)
    }
  })

  test('some are recorded from this version', ({ task }) => {
    expect(versions).toContain(`${version}.json`)
    task.meta.figure =
      `${versions.length} versions, ${versions.reduce((sum, file) => sum + load(file).length, 0)} recorded ` +
      'messages: all accepted'
  })
})

describe.runIf(process.env['KAGAMI_RECORD'])('recording', () => {
  const place = createPlace()

  test('writes the messages that the programs send to each other', async () => {
    const found = new Map<string, Golden>()
    const nats = await startNats(place, 'new')
    const connection = await connect({ servers: nats.url })
    place.onEnd(() => connection.close())
    const replies = new Map<string, Name>()
    const keep = (name: Name, part: Golden['part'], body: unknown) =>
      found.set(
        `${name} ${part} ${JSON.stringify(Object.keys((body as object | null) ?? {}))} ` +
          `${(body as { outcome?: string; full?: boolean }).outcome ?? ''}${(body as { full?: boolean }).full ?? ''}`,
        { name, part, body },
      )
    connection.subscribe('>', {
      callback: (_, message) => {
        const name = (Object.keys(messages) as Name[]).find((one) => subjectFor(one, 'golden') === message.subject)
        const answered = replies.get(message.subject)
        const text = message.string()
        if (!text.startsWith('{')) return
        if (name) keep(name, 'message', JSON.parse(text))
        if (name && message.reply) replies.set(message.reply, name)
        if (answered && messages[answered].reply) keep(answered, 'reply', JSON.parse(text))
      },
    })
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'file'), 'x'.repeat(1_000_000))
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    const supervisor = await startSupervisor(place, { nats: nats.url })
    const worker = await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'golden' },
      providers: [
        { name: 'good', kind: 'http', upstream: `${files.url}/file`, interval_secs: 1, labels: { env: 'prod' } },
        { name: 'bad', kind: 'http', upstream: `${files.url}/none`, interval_secs: 1 },
      ],
    })
    const added = await until('a replica is added', () =>
      supervisor.api.call('addReplica', {
        params: { id: 'golden' },
        body: { name: 'added', kind: 'http', upstream: `${files.url}/file`, interval_secs: 0 },
      }),
    )
    await until('a sync is requested', () => supervisor.api.call('syncReplica', { params: { id: added.replica_id } }))
    await until(
      'it syncs',
      async () => (await supervisor.api.call('listReplicas', { query: { name: 'added' } })).items[0]?.last_success_at,
    )
    await supervisor.api.call('pauseReplica', { params: { id: added.replica_id }, body: { reason: null } })
    const [sync] = (await supervisor.api.call('listSyncs', { query: { state: 'finished' } })).items
    await supervisor.api.call('syncLog', { params: { id: sync!.sync_id } })
    await supervisor.api.call('tryUpstream', {
      params: { id: 'golden' },
      body: { kind: 'http', upstream: `${files.url}/file`, auth: { type: 'token', token: 'x' } },
    })
    await connection.request(subjectFor('cancel', 'golden'), JSON.stringify({ sync_id: 'none' }))
    await until(
      'there was a report of each kind',
      () => [...found.keys()].filter((key) => key.startsWith('report')).length >= 2,
    )
    worker.child.kill('SIGTERM')
    await worker.exited
    await until('it has sent a goodbye', () => [...found.keys()].some((key) => key.startsWith('goodbye')))
    const text = JSON.stringify([...found.values()], null, 1)
      .replaceAll(place.dir, '/data')
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:8080')
      .replaceAll(/"device": "[^"]*"/g, '"device": "boot:1"')
      .replaceAll(/"hostname": "[^"]*"/g, '"hostname": "mirror-1"')
    writeFileSync(
      join(folder, `${version}.json`),
      `${text.replaceAll(/"name": "(?!good|bad|added)[^"]*"(?=,\n {3}"version")/g, '"name": "mirror-1"')}\n`,
    )
  })
})

// hold.test.ts — "decide about a held sync" and "Hooks" of docs/operations.md, for every kind and both ways to publish.
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, operationsPage } from '../harness/documented.ts'
import { startMirrorFleet, type MirrorFleet } from '../harness/mirror-fleet.ts'
import { syncAll } from '../harness/mirrors.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

describe('an operator whose upstreams lose most of what they had', () => {
  const place = createPlace()
  let fleet: MirrorFleet
  const copies = () => fleet.mirrors.all.map(({ name, subject }) => fleet.mirrors.read(place.at('data', name), subject))
  /** What a hook was told: its second argument names the file. */
  const told = (hook: string, name: string) =>
    Object.fromEntries(
      readFileSync(place.at('told', `${hook} ${name}`), 'utf8')
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    )
  const toldOf = (hook: string) =>
    until(
      `${hook} ran for all`,
      () => fleet.names.every((name) => readdirSync(place.at('told')).includes(`${hook} ${name}`)),
      { seen: () => readdirSync(place.at('told')) },
    )

  beforeAll(async () => {
    const program = place.at('tell')
    mkdirSync(place.at('told'))
    writeFileSync(program, `#!/bin/sh\nenv > "${place.dir}/new $1 $KAGAMI_REPLICA"\n` + move(place.dir))
    chmodSync(program, 0o755)
    for (const line of ['on_success = ["/usr/local/bin/purge-cache"]', 'on_held = ["/usr/local/bin/tell", "--urgent"]'])
      expectDocumented(line)
    const file = place.at('worker.toml')
    writeFileSync(
      file,
      `[hooks]\non_success = ["${program}", "success"]\non_failure = ["${program}", "failure"]\n` +
        `on_held = ["${program}", "held"]\n`,
    )
    fleet = await startMirrorFleet(place, { env: { KAGAMI_CONFIG: file } })
  })

  test('has programs run after each sync, which are told all that the page says', async () => {
    const listed =
      /The environment of a hook contains: (.*)\./.exec(operationsPage)?.[1]?.match(/KAGAMI_[A-Z_]+/g) ?? []
    expect(listed.length).toBeGreaterThan(20)
    await toldOf('success')
    for (const { name, kind } of fleet.mirrors.all) {
      const facts = told('success', name)
      // KAGAMI_RUN is no fact for hooks: by it a worker finds programs that a crash left.
      const names = Object.keys(facts).filter((fact) => fact.startsWith('KAGAMI_') && fact !== 'KAGAMI_RUN')
      expect(names.sort(), name).toEqual(listed.toSorted())
      expect(facts, name).toMatchObject({
        KAGAMI_OUTCOME: 'success',
        KAGAMI_KIND: kind,
        KAGAMI_PATH: place.at('data', name),
        KAGAMI_REASON: '',
      })
    }
  })

  test('sees every sync held, hears it from the hook, and nothing is changed', async () => {
    const before = copies()
    fleet.mirrors.lose()
    for (const [name, one] of Object.entries(await syncAll(fleet.supervisor, 'w', fleet.names)))
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    expect(copies()).toEqual(before)
    await toldOf('held')
    for (const { name, hold } of await fleet.replicas())
      expect(told('held', name), name).toMatchObject({
        KAGAMI_HELD_REMOVED: String(hold?.removed),
        KAGAMI_HELD_TOTAL: String(hold?.total),
      })
  })

  test('rejects: the copies stay, also after further syncs', async () => {
    expectDocumented('`kagami replicas approve` or `reject`')
    expectDocumented('If not: `kagami replicas reject`; syncs continue once the upstream has recovered')
    const before = copies()
    for (const name of fleet.names)
      await fleet.follow('kagami replicas reject', { 'replicas reject': `replicas reject ${name}@sh-1` })
    await fleet.all('all are rejected', ({ hold }) => hold?.rejected)
    for (const one of Object.values(await syncAll(fleet.supervisor, 'w', fleet.names)))
      expect(one).toMatchObject({ outcome: 'held' })
    expect(copies()).toEqual(before)
  })

  test('looks at what would be deleted, approves, and the copies are what the upstreams are now', async () => {
    for (const { name, hold } of await fleet.replicas()) {
      const shown = await fleet.follow('kagami replicas get NAME@WORKER', { NAME: name, WORKER: 'sh-1' })
      if (hold!.removed > 0) expect(shown).toMatch(new RegExp(`would delete +${hold!.removed} of ${hold!.total}`))
      await fleet.follow('kagami replicas approve', { 'replicas approve': `replicas approve ${name}@sh-1` })
    }
    await fleet.all('all have gone on', ({ last_sync, hold }) => last_sync?.outcome === 'success' && !hold)
    fleet.expectWhole()
  })

  test('has another program run when a sync fails, for one replica too', async () => {
    expectDocumented('hooks = { on_success = ["/usr/local/bin/push-downstream", "debian"] }')
    await fleet.restart({
      keys: ({ kind }) => ({
        upstream: kind === 'rsync' ? 'rsync://127.0.0.1:9/files' : 'http://127.0.0.1:9/t/',
        hooks: { on_failure: [place.at('tell'), 'failure'] },
      }),
    })
    for (const [name, one] of Object.entries(await syncAll(fleet.supervisor, 'w', fleet.names)))
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'failed' })
    await toldOf('failure')
    for (const name of fleet.names)
      expect(told('failure', name), name).toMatchObject({
        KAGAMI_OUTCOME: 'failed',
        KAGAMI_REASON: 'upstream_unreachable',
      })
  })
})

/** The rest of the program: a file that is there is whole. */
const move = (dir: string) => `mv "${dir}/new $1 $KAGAMI_REPLICA" "${dir}/told/$1 $KAGAMI_REPLICA"\n`

// tokens.test.ts — Access tokens: what each role may do, what a scope leaves out, when they end; over all routes.
import { createClient, roles, routes, type Client, type Role, type Route, type RouteName } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { refusalOf, ROOT_TOKEN, startAccessFleet, TEAMS, type AccessFleet } from './fleet.ts'
import { createDice } from '../harness/dice.ts'
import { followDocumented } from '../harness/documented.ts'
import { createPlace } from '../harness/place.ts'
import { runKagami, startSupervisor } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

/** A body that every route accepts which takes one, aimed at a replica or a worker. */
const bodyFor = (name: RouteName, replica: string): object | null => {
  const bodies: Partial<Record<RouteName, object>> = {
    holdAction: { action: 'remove_replica', target: replica, hold_secs: 3600 },
    startBulk: { action: 'pause', replicas: [replica] },
    addReplica: { name: 'new', kind: 'http', upstream: 'https://example.org/new' },
    removeReplica: { replica_id: replica },
    tryUpstream: { kind: 'http', upstream: 'https://example.org/new' },
    editReplica: { interval_secs: 7200 },
    renameReplica: { name: 'renamed' },
    restoreReplica: { id: 'nothing' },
    makeAccessToken: { name: `made-${Math.random().toString(36).slice(2)}`, role: 'viewer' },
    syncWorker: { resource: null },
  }
  return bodies[name] ?? {}
}

describe('access tokens', () => {
  const place = createPlace()
  let fleet: AccessFleet
  let clients: Record<Role, Client>
  const writes = (Object.keys(routes) as RouteName[]).filter((name) => (routes[name] as Route).write)
  /** Sends a request of a route without the typed client, so that each can be sent. */
  const send = async (client: Client, name: RouteName, id: string, body: object | null = bodyFor(name, id)) => {
    const input = { params: { id }, ...(body ? { body } : {}) }
    return refusalOf(client.call(name as 'pauseReplica', input as never))
  }

  beforeAll(async () => {
    fleet = await startAccessFleet(place)
    clients = {
      viewer: await fleet.clientFor('eve', 'viewer'),
      operator: await fleet.clientFor('li', 'operator'),
      admin: await fleet.clientFor('wang', 'admin'),
    }
  })

  test('say who one is, and the audit says who did what', async () => {
    const { name, role, authenticated } = await clients.operator.call('session')
    expect({ name, role, authenticated }).toEqual({ name: 'li', role: 'operator', authenticated: true })
    await clients.operator.call('pauseReplica', { params: { id: fleet.idOf('plain') }, body: { reason: 'disk' } })
    const { items } = await clients.viewer.call('audit', { query: { actor: 'li' } })
    expect(items[0]).toMatchObject({ action: 'pause', actor: 'li', result: 'ok' })
    await clients.operator.call('resumeReplica', { params: { id: fleet.idOf('plain') } })
    const used = async () =>
      (await clients.admin.call('listAccessTokens')).find((one) => one.name === 'li')?.last_used_at
    await until('its use is noted', used)
  })

  test.each(writes.map((name) => [name, (routes[name] as Route).role ?? 'operator'] as const))(
    '%s takes the role %s',
    async (name, needed) => {
      // What is not there is refused after the role, so nothing is changed.
      const id = 'nobody-has-this-id'
      for (const role of roles) {
        const refusal = await send(clients[role], name, id, bodyFor(name, id))
        const isAllowed = needed === 'anyone' || roles.indexOf(role) >= roles.indexOf(needed)
        expect([role, refusal?.code === 'forbidden'], JSON.stringify(refusal)).toEqual([role, !isAllowed])
      }
      const nobody = await send(createClient({ baseUrl: fleet.supervisor.url }), name, id, bodyFor(name, id))
      expect(nobody?.code === 'unauthorized').toBe(needed !== 'anyone')
    },
  )

  test('are listed for administrators alone, without their secrets', async () => {
    expect((await refusalOf(clients.operator.call('listAccessTokens')))?.message).toBe(
      'this takes the role admin, and li has the role operator',
    )
    const listed = JSON.stringify(await clients.admin.call('listAccessTokens'))
    expect(listed).toMatch(/"name":"li"/)
    expect(listed).not.toMatch(/kgt_|hash/)
  })

  test('refuse to hold what the role may not do at once', async () => {
    const body = { action: 'terminate', target: 'w-1', hold_secs: 3600 } as const
    expect(await refusalOf(clients.operator.call('holdAction', { body }))).toEqual({
      code: 'forbidden',
      message: 'this takes the role admin, and li has the role operator',
    })
  })

  test('are refused from the moment they are removed or have expired', async () => {
    const gone = await fleet.clientFor('gone', 'operator')
    expect((await gone.call('session')).authenticated).toBe(true)
    await clients.admin.call('removeAccessToken', { params: { id: 'gone' } })
    expect((await gone.call('session')).authenticated).toBe(false)
    expect(await refusalOf(gone.call('syncReplica', { params: { id: 'plain@sh-12' } }))).toEqual({
      code: 'unauthorized',
      message: 'the token is wrong',
    })
    const wrong = await refusalOf(clients.admin.call('removeAccessToken', { params: { id: 'gone' } }))
    expect(wrong).toEqual({ code: 'not_found', message: 'there is no access token "gone"' })
  })

  test('have names that nobody else has', async () => {
    for (const name of ['LI', 'token', 'Anyone'])
      expect(await refusalOf(fleet.clientFor(name, 'viewer'))).toEqual({
        code: 'conflict',
        message: `the name ${name} is taken`,
      })
    expect((await refusalOf(fleet.clientFor('two words', 'viewer')))?.code).toBe('invalid_request')
  })

  test('are created, listed and removed by the command line, as documented', async () => {
    const env = { KAGAMI_API: fleet.supervisor.url, KAGAMI_TOKEN: ROOT_TOKEN }
    const printed = await followDocumented(place, 'kagami tokens create kernel-ci --label team=kernel --expires 90d', {
      env,
    })
    expect(printed).toMatch(/^kgt_[\w-]{32}$/m)
    const listed = await runKagami(place, ['tokens'], env)
    expect(listed.stdout).toMatch(/kernel-ci\s+operator\s+team=kernel\s+in \d+d\s+never\s+token/)
    const who = await runKagami(place, ['tokens', 'whoami'], { ...env, KAGAMI_TOKEN: printed.trim().split('\n')[0]! })
    expect(who.stdout).toMatch(/who\s+kernel-ci\n/)
    expect((await runKagami(place, ['tokens', 'remove', 'kernel-ci'], env)).code).toBe(2)
    expect((await runKagami(place, ['tokens', 'remove', 'kernel-ci', '--yes'], env)).stdout).toBe('Removed kernel-ci\n')
    expect((await runKagami(place, ['tokens', 'create', 'x', '--role', 'boss'], env)).code).toBe(2)
  })

  test('stay valid when the supervisor is killed and started again', async () => {
    const port = Number(new URL(fleet.supervisor.url).port)
    await fleet.supervisor.kill()
    await startSupervisor(place, {
      nats: fleet.nats,
      port,
      env: { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: ROOT_TOKEN },
    })
    expect((await clients.operator.call('session')).name).toBe('li')
  })
})

describe('a token with a scope', () => {
  const place = createPlace()
  let fleet: AccessFleet
  let kernel: Client
  const message = (names: string) =>
    `kernel may write only to replicas with team=kernel: not to ${names}. Nothing was done`

  beforeAll(async () => {
    fleet = await startAccessFleet(place)
    kernel = await fleet.clientFor('kernel', 'admin', { team: 'kernel' })
  })

  test('refuses each route that writes for what is outside, in random order, and changes nothing', async () => {
    const dice = createDice()
    const replicaRoutes = (Object.keys(routes) as RouteName[]).filter((name) => {
      const route: Route = routes[name]
      return route.write && (route.path.startsWith('/api/v1/replicas/') || route.path.startsWith('/api/v1/resources/'))
    })
    const outside = ['debian', 'plain'] as const
    const before = await fleet.supervisor.api.call('listReplicas')
    for (let round = 0; round < 60; round++) {
      const name = dice.pick(replicaRoutes)
      const replica = dice.pick(outside)
      const isMirror = routes[name].path.startsWith('/api/v1/resources/')
      const id = isMirror ? replica : dice.pick([fleet.idOf(replica), `${replica}@sh-12`])
      const input = { params: { id }, body: bodyFor(name, id) }
      expect(
        await refusalOf(kernel.call(name as 'pauseReplica', input as never)),
        `${name}, seed ${dice.seed}`,
      ).toEqual({
        code: 'forbidden',
        message: message(`${replica}@sh-12`),
      })
    }
    const after = await fleet.supervisor.api.call('listReplicas')
    expect(after.items.map(({ paused, options }) => ({ paused, options }))).toEqual(
      before.items.map(({ paused, options }) => ({ paused, options })),
    )
  })

  test('allows what is inside', async () => {
    for (const replica of ['linux', 'linux-next'] as const) {
      await kernel.call('pauseReplica', { params: { id: fleet.idOf(replica) }, body: { reason: null } })
      await kernel.call('resumeReplica', { params: { id: fleet.idOf(replica) } })
    }
    await kernel.call('pauseResource', { params: { id: 'linux' }, body: null })
    await kernel.call('resumeResource', { params: { id: 'linux' } })
  })

  test.each([
    ['approve', { params: { id: 'w-1' } }],
    ['terminate', { params: { id: 'w-1' } }],
    ['syncWorker', { params: { id: 'w-1' }, body: { resource: 'linux' } }],
    ['makeAccessToken', { body: { name: 'more', role: 'admin' } }],
    ['makeJoinToken', { body: {} }],
    ['holdAction', { body: { action: 'terminate', target: 'w-1' } }],
  ] as const)('refuses %s, which concerns more than replicas', async (name, input) => {
    expect((await refusalOf(kernel.call(name as 'approve', input as never)))?.message).toBe(
      'kernel may write only to replicas with team=kernel, and this concerns more than replicas',
    )
  })

  test('refuses a bulk job of which one replica is outside, and does none of it', async () => {
    const replicas = Object.keys(TEAMS).map((name) => fleet.idOf(name as keyof typeof TEAMS))
    expect(await refusalOf(kernel.call('startBulk', { body: { action: 'pause', replicas } }))).toEqual({
      code: 'forbidden',
      message: message('debian@sh-12, plain@sh-12'),
    })
    const query = { label: 'team=kernel' }
    expect((await kernel.call('startBulk', { body: { action: 'pause', query, dry_run: true } })).matching).toBe(2)
    expect((await fleet.supervisor.api.call('listReplicas')).items.filter(({ paused }) => paused)).toEqual([])
    const taken = { action: 'edit', query, patch: { labels: { team: 'distro' } } } as const
    expect((await refusalOf(kernel.call('startBulk', { body: taken })))?.code).toBe('forbidden')
  })

  test('adds replicas with its labels alone, and cannot take them from itself', async () => {
    const add = (labels: Record<string, string>) =>
      kernel.call('addReplica', {
        params: { id: 'w-1' },
        body: { name: 'stable', kind: 'http', upstream: 'https://example.org/stable', labels },
      })
    expect(await refusalOf(add({}))).toEqual({ code: 'forbidden', message: message('stable') })
    const { replica_id: id } = await add({ team: 'kernel' })
    await until('it is there', async () => refusalOf(kernel.call('getReplica', { params: { id } })).then((no) => !no), {
      seen: () => fleet.supervisor.output(),
    })
    const edit = (team: string | null) => kernel.call('editReplica', { params: { id }, body: { labels: { team } } })
    expect((await refusalOf(edit('distro')))?.code).toBe('forbidden')
    expect((await refusalOf(edit(null)))?.code).toBe('forbidden')
    const remove = (replica_id: string) => kernel.call('removeReplica', { params: { id: 'w-1' }, body: { replica_id } })
    expect(await refusalOf(remove(fleet.idOf('plain')))).toEqual({ code: 'forbidden', message: message('plain@sh-12') })
    expect((await refusalOf(remove('nobody-has-this-id')))?.code).toBe('no_such_replica')
    expect(await refusalOf(edit('kernel'))).toBeNull()
  })
})

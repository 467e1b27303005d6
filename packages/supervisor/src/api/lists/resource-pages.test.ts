// resource-pages.test.ts — The list of mirrors by every filter and in every order, page after page.
import type { Page, ReplicaState, Resource } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { expect, it } from 'vitest'
import { noChanges } from '../../core/changes.ts'
import { createFleet, putReplica, putWorker, setPresence } from '../../core/fleet.ts'
import { recordOf } from '../../testing/services.ts'
import { resourcePage } from './resource-pages.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const at = (hour: number) => new Date(Date.UTC(2026, 10, 23, hour)).toISOString()

const MIRRORS: Readonly<Record<string, readonly Partial<ReplicaState>[]>> = {
  debian: [
    { kind: 'rsync', labels: { env: 'prod' }, size_bytes: 500, last_success_at: at(10), content_at: at(9) },
    { kind: 'rsync', labels: { env: 'prod' }, size_bytes: 400, last_success_at: at(11), content_at: at(8) },
  ],
  arch: [{ kind: 'http', size_bytes: 900, last_success_at: at(9) }],
  linux: [{ kind: 'git', labels: { env: 'test' }, failures: 2, last_success_at: at(8) }],
  pypi: [{ kind: 'http', status: 'init', size_bytes: null, last_success_at: null }],
}

function makeFleet() {
  const fleet = createFleet()
  for (const [index, id] of ['w-1', 'w-2'].entries()) {
    const worker = putWorker(fleet, { ...recordOf(id), admission: 'approved' }, NOW)
    setPresence(fleet, worker, 'online', NOW)
    for (const [name, copies] of Object.entries(MIRRORS))
      if (copies[index])
        putReplica(
          { fleet, worker, changes: noChanges(), now: NOW },
          sampleState({
            replica_id: `${name}-${id}`,
            name,
            interval_secs: 86_400,
            status: 'success',
            ...copies[index],
          }),
        )
  }
  return fleet
}

async function namesOf(query: Parameters<typeof resourcePage>[1]): Promise<string[]> {
  const fleet = makeFleet()
  const names: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page<Resource> = await resourcePage(fleet, { ...query, cursor, limit: 2 })
    names.push(...page.items.map(({ name }) => name))
    cursor = page.next_cursor
  }
  return names
}

it.each([
  [{}, ['linux', 'pypi', 'arch', 'debian']],
  [{ health: '!fresh' }, ['linux', 'pypi']],
  [{ health: 'failed,new' }, ['linux', 'pypi']],
  [{ kind: '!http' }, ['linux', 'debian']],
  [{ kind: 'git,rsync' }, ['linux', 'debian']],
  [{ label: 'env' }, ['linux', 'debian']],
  [{ label: '!env=prod' }, ['linux', 'pypi', 'arch']],
  [{ status: '!ready' }, ['pypi']],
  [{ q: 'i', label: '!env' }, ['pypi']],
  [{ sort: 'name' }, ['arch', 'debian', 'linux', 'pypi']],
  [{ sort: '-name' }, ['pypi', 'linux', 'debian', 'arch']],
  [{ sort: '-size_bytes', kind: '!git' }, ['arch', 'debian', 'pypi']],
  [{ sort: '-newest_success_at' }, ['debian', 'arch', 'linux', 'pypi']],
  [{ sort: '-replicas_total', health: 'fresh' }, ['debian', 'arch']],
])('%j lists %j', async (query, names) => expect(await namesOf(query)).toEqual(names))

it('say of when the content of the newest copy is', async () => {
  const { items } = await resourcePage(makeFleet(), { sort: 'name' })
  expect(items.map(({ content_at }) => content_at)).toEqual([null, at(8), null, null])
})

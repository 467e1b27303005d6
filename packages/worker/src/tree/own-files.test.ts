// own-files.test.ts — A directory with files of the operator's own becomes a tree over http: which stay, how long.
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SERVED_AT, startListingServer, type ListingServer } from '../testing/listings/listing-server.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renamingSteps } from './rename.ts'

const MINE = { 'robots.txt': 'mine\n', 'local/notes.txt': 'mine too\n', 'pool/MINE': 'and mine\n' }
const LIMITS = { max_delete_percent: 100, max_shrink_percent: 100 }

describe.each(['in-place', 'swap'])('a tree over http that was taken over, published %s,', (publish) => {
  let sandbox: Sandbox
  let server: ListingServer
  const stops = sandboxForEach(async (fresh) => {
    sandbox = fresh
    server = await startListingServer()
    stops.push(server.stop)
    for (let at = 10; at < 30; at++) server.files.set(`pool/f${at}`, { body: `file ${at}\n` })
    put(served())
    put(MINE)
    mkdirSync(join(sandbox.published, 'empty'))
    symlinkSync('pool/f10', join(sandbox.published, 'latest'))
  })
  const put = (files: Record<string, string>) => {
    for (const [path, body] of Object.entries(files)) {
      const file = join(sandbox.published, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, body)
      utimesSync(file, SERVED_AT, SERVED_AT)
    }
  }
  const served = () => Object.fromEntries([...server.files].map(([path, { body }]) => [path, String(body)]))
  const sync = ({ options, ...more }: Partial<SyncCall> = {}) =>
    sandbox.sync({ kind: 'http', upstream: server.url, ...more, options: { publish, ...options } })
  const succeeds = async (more: Partial<SyncCall> = {}) => {
    const report = await sync(more)
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    return report
  }
  const adopts = () => succeeds({ adoptExisting: true })
  const copy = () => readTree(sandbox.published)
  const own = (...path: string[]) => join(sandbox.dataDir, '.kagami', ...path)

  it('keeps what the upstream does not list, and says what, without fetching or holding anything', async () => {
    expect(await adopts()).toMatchObject({
      bytes: 0,
      files: 23,
      message: expect.stringMatching(
        /^4 files that the upstream does not list \(\d+ bytes\) were here before and stay: /,
      ),
    })
    expect(copy()).toEqual({ ...served(), ...MINE })
    expect([
      existsSync(join(sandbox.published, 'empty')),
      lstatSync(join(sandbox.published, 'latest')).isSymbolicLink(),
    ]).toEqual([true, true])
  })

  it('keeps it over changes, proofs and the loss of what was remembered, and deletes what it fetched', async () => {
    await adopts()
    server.files.delete('pool/f11')
    server.files.set('pool/new', { body: 'new\n' })
    expect((await succeeds()).message).toBeNull()
    rmSync(own('staging'), { recursive: true })
    server.files.delete('pool/f12')
    put({ 'local/later.txt': 'later\n' })
    await succeeds()
    await succeeds({ task: { type: 'sync', approved: null, thorough: true } })
    expect(copy()).toEqual({ ...served(), ...MINE, 'local/later.txt': 'later\n' })
    if (publish === 'swap') {
      await succeeds({ task: { type: 'rollback', to: null } })
      expect(copy()).toMatchObject(MINE)
      await succeeds()
    }
    expect(existsSync(join(sandbox.published, 'empty'))).toBe(true)
    expect(copy()).toEqual({ ...served(), ...MINE, 'local/later.txt': 'later\n' })
  })

  it('judges deletions by the files of the upstream alone', async () => {
    put(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`local/l${index}`, 'mine\n'])))
    await adopts()
    for (let at = 10; at < 25; at++) server.files.delete(`pool/f${at}`)
    server.folderTimes.set('pool/', SERVED_AT + 3600)
    expect(await sync()).toMatchObject({ outcome: 'held', hold: { removed: 15, total: 20 } })
  })

  it('fetches over it what the upstream lists later, and deletes that with the upstream', async () => {
    await adopts()
    server.files.set('robots.txt', { body: 'theirs\n' })
    server.files.set('local/theirs', { body: 'theirs\n' })
    await succeeds({ options: LIMITS })
    expect(copy()).toEqual({ ...MINE, ...served() })
    server.files.delete('robots.txt')
    server.files.delete('local/theirs')
    await succeeds({ options: LIMITS })
    const { 'robots.txt': _theirs, ...rest } = MINE
    expect(copy()).toEqual({ ...rest, ...served() })
  })

  it('counts it as a deletion when the upstream needs its place', async () => {
    await adopts()
    server.files.set('local', { body: 'a file now\n' })
    server.files.set('latest/f', { body: 'a folder now\n' })
    expect(await sync({ options: { max_delete_percent: 0 } })).toMatchObject({ outcome: 'held', hold: { removed: 2 } })
    await succeeds({ options: LIMITS })
    const { 'local/notes.txt': _gone, ...rest } = MINE
    expect(copy()).toEqual({ ...rest, ...served() })
  })

  it('deletes it with own_files = "delete", after the guard', async () => {
    await adopts()
    const options = { own_files: 'delete', max_delete_percent: 0 }
    expect(await sync({ options })).toMatchObject({ outcome: 'held', hold: { removed: 4 } })
    expect(copy()).toEqual({ ...served(), ...MINE })
    await succeeds({ options: { ...LIMITS, own_files: 'delete' } })
    expect(copy()).toEqual(served())
    put(MINE)
    await succeeds({ options: LIMITS })
    expect(copy()).toEqual(served())
  })

  it('has no such files when Kagami made the tree', async () => {
    rmSync(sandbox.published, { recursive: true })
    await succeeds()
    put(MINE)
    await succeeds({ options: LIMITS, adoptExisting: true })
    expect(copy()).toEqual(served())
  })

  it('is recorded only once the whole upstream could be read, and nothing is deleted before', async () => {
    server.intercept = (path, _request, response) => path === 'pool/' && Boolean(response.writeHead(403).end())
    expect(await sync({ adoptExisting: true })).toMatchObject({ outcome: 'failed', reason: 'partial' })
    server.intercept = () => false
    expect((await succeeds()).message).toContain('4 files that the upstream does not list')
    server.files.delete('pool/f11')
    await succeeds()
    expect(copy()).toEqual({ ...served(), ...MINE })
  })

  it('keeps what it does not know to have fetched when the record is damaged or lost', async () => {
    await adopts()
    const record = own('own-copy.json')
    writeFileSync(record, '')
    const mended = await succeeds()
    expect(sandbox.log(mended)).toContain(`${record} is empty; the version before it is used`)
    for (const spoil of [() => [record, `${record}.previous`].map((path) => writeFileSync(path, '{')), forget]) {
      spoil()
      server.files.delete([...server.files.keys()][0]!)
      await succeeds()
      expect(copy()).toEqual({ ...served(), ...MINE })
    }
  })
  const forget = () => [own('own-copy.json'), own('own-copy.json.previous')].map((path) => rmSync(path))

  it('keeps it under another name, and when the replica is removed and added again', async () => {
    await adopts()
    const renaming = { was: 'copy', wasId: 'replica-1', name: 'other', replicaId: 'replica-2', kind: 'http' }
    Array.from(renamingSteps(sandbox.dataDir, renaming))
    server.files.delete('pool/f11')
    await succeeds({ name: 'other', replicaId: 'replica-2' })
    server.files.delete('pool/f12')
    await succeeds({ name: 'other', replicaId: 'replica-3' })
    expect(readTree(join(sandbox.dataDir, 'other'))).toEqual({ ...served(), ...MINE })
    expect(existsSync(own('own-copy.json'))).toBe(false)
    expect(readFileSync(own('own-other.json'), 'utf8')).toContain('"local/"')
  })
})

describe('a directory with files of any names that is taken over', () => {
  let sandbox: Sandbox
  let server: ListingServer
  const stops = sandboxForEach(async (fresh) => {
    sandbox = fresh
    server = await startListingServer()
    stops.push(server.stop)
  })
  const names = fc.constantFrom('a', 'b', 'c/a', 'c/b', 'd/e/a', 'd/e/b', 'd/a', 'f/a')
  const ways = fc.record({
    publish: fc.constantFrom('in-place', 'swap'),
    mine: fc.uniqueArray(names),
    steps: fc.array(fc.uniqueArray(names), { minLength: 1, maxLength: 4 }),
    forgets: fc.boolean(),
  })

  it('has what the upstream lists, and of the rest what was there before and was never listed', async () => {
    let runs = 0
    const holds = fc.asyncProperty(ways, async ({ publish, mine, steps, forgets }) => {
      const name = `tree-${++runs}`
      const published = join(sandbox.dataDir, name)
      const kept = new Set(mine)
      for (const path of mine) {
        mkdirSync(dirname(join(published, path)), { recursive: true })
        writeFileSync(join(published, path), 'mine\n')
      }
      for (const step of steps) {
        server.files.clear()
        // A listing without any entry is no tree yet.
        for (const path of ['always', ...step]) server.files.set(path, { body: `theirs: ${path}\n` })
        for (const path of step) kept.delete(path)
        if (forgets) rmSync(join(sandbox.dataDir, '.kagami', 'staging'), { recursive: true, force: true })
        const call = { kind: 'http', upstream: server.url, name, replicaId: name, adoptExisting: true }
        const report = await sandbox.sync({ ...call, options: { ...LIMITS, publish } })
        expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
        const theirs = Object.fromEntries([...server.files].map(([path, { body }]) => [path, String(body)]))
        expect(readTree(published)).toEqual({
          ...Object.fromEntries([...kept].map((path) => [path, 'mine\n'])),
          ...theirs,
        })
      }
    })
    await fc.assert(holds, { numRuns: 20 })
  })
})

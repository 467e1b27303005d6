// folders.test.ts — kagami folders: what is listed, and what is not.
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Folder } from '@kagami/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aWorker, secondsFromNow } from '../testing/samples.ts'

function emptyDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-folders-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A data_dir with replicas, folders of earlier replicas, and folders that Kagami did not make. */
function aDataDir(): string {
  const dir = emptyDir()
  const put = (path: string, text: string) => {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  for (const name of ['declared', 'running', 'added', 'left', 'foreign', '.hidden'])
    put(`${name}/file`, 'x'.repeat(100_000))
  linkSync(join(dir, 'left/file'), join(dir, 'left/again'))
  put('.generations/swapped/1/file', 'x')
  symlinkSync('.generations/swapped/1', join(dir, 'swapped'))
  const marker = { replica_id: 'r', kind: 'rsync', upstream: 'rsync://h/m/', name: 'left' }
  put('.kagami/trees/left.json', JSON.stringify(marker))
  put('.kagami/trees/swapped.json', JSON.stringify({ ...marker, name: 'swapped' }))
  put('index.html', 'a page')
  const replica = { replica_id: 'r-2', name: 'added', kind: 'git', upstream: 'https://h/a.git', interval_secs: null }
  put(
    '.kagami/desired.json',
    JSON.stringify({
      worker_id: 'w',
      rev: 1,
      term: 1,
      admission: 'approved',
      reason: null,
      terminate: false,
      instance: null,
      replicas: [{ ...replica, labels: {}, options: {}, origin: 'api' }],
      removed: [],
      syncs: [],
    }),
  )
  put('.kagami/declared.json', '["running"]')
  mkdirSync(join(dir, '.kagami/replicas'))
  put(
    'worker.toml',
    `data_dir = "${dir}"\n[[providers]]\nname = "declared"\nkind = "git"\nupstream = "https://h/a.git"\n`,
  )
  return dir
}

describe('kagami folders', () => {
  it('lists what belongs to no replica, with size and upstream, and touches nothing', async () => {
    const dir = aDataDir()
    const before = readdirSync(dir, { recursive: true })
    const { code, stdout, stderr } = await runKagami(`folders --config ${join(dir, 'worker.toml')}`)
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' ').trim())).toEqual([
      'FOLDER SIZE FILES FILES ARE OF',
      expect.stringMatching(/^foreign \d+(\.\d)? KiB 1 not known to Kagami$/),
      expect.stringMatching(/^left \d+(\.\d)? KiB 1 rsync rsync:\/\/h\/m\/$/),
      expect.stringMatching(/^swapped .* 1 rsync rsync:\/\/h\/m\/$/),
      '',
    ])
    expect(stderr).toContain('3 folders belong to no replica; Kagami leaves them alone.')
    expect(readdirSync(dir, { recursive: true })).toEqual(before)
  })

  it('prints them for programs, and knows what the worker declared without its worker.toml', async () => {
    const dir = aDataDir()
    const { stdout } = await runKagami(`folders --data-dir ${dir} --json`)
    expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).toEqual([
      'declared',
      'foreign',
      'left',
      'swapped',
    ])
    expect(readdirSync(dir)).toContain('running')
  })

  it('refuses a folder in which no worker has run', async () => {
    const dir = emptyDir()
    const { code, stderr } = await runKagami(`folders --data-dir ${dir}`)
    expect([code, stderr]).toEqual([
      2,
      `error: ${dir}: no worker of this version has run here yet, so it is not known which folders are in use\n` +
        'hint: Give the data_dir of the worker with --data-dir or --config, and start the worker once.\n',
    ])
  })
})

describe('kagami folders --worker', () => {
  const left: Folder = {
    name: 'left',
    bytes: 100 * 1024,
    files: 1,
    mirrored: { kind: 'rsync', upstream: 'rsync://h/m/', replica_id: 'r' },
  }
  const foreign: Folder = { name: 'foreign', bytes: null, files: null, mirrored: null }
  const answering = (items: Folder[], total: number | null = items.length) =>
    startApi({
      getWorker: () => aWorker(),
      listFolders: () => ({ items, total, looked_at: total === null ? null : secondsFromNow(-20) }),
      addReplica: () => ({ replica_id: 'r-2', name: 'left', worker_id: 'w-1' }),
    })

  it('lists what the worker has said, and says what can be done', async () => {
    const { env } = await answering([foreign, left], 7)
    const { stdout, stderr } = await runKagami('folders --worker sh-12', env)
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'FOLDER SIZE FILES FILES ARE OF',
      'foreign - - not known to Kagami',
      'left 100 KiB 1 rsync rsync://h/m/',
      '',
    ])
    expect(stderr).toBe(
      '2 of 7 folders belong to no replica; Kagami leaves them alone. sh-12 looked 20s ago. To go on with one: ' +
        'kagami folders adopt NAME --worker sh-12. To free the space, on that machine: kagami folders remove NAME.\n',
    )
  })

  it('tells nothing from not known', async () => {
    const said = await runKagami('folders --worker sh-12', (await answering([])).env)
    expect(said.stderr).toBe('Every folder in its data_dir belongs to a replica. sh-12 looked 20s ago.\n')
    const unsaid = await runKagami('folders --worker sh-12', (await answering([], null)).env)
    expect(unsaid.stderr).toBe(
      'sh-12 has not said yet which folders it has; a worker of an earlier version never does.\n',
    )
  })

  it('adopt adds a replica of the name, kind and upstream of the mark', async () => {
    const { env, asked } = await answering([foreign, left])
    const { code, stdout } = await runKagami('folders adopt left --worker sh-12 --interval 3600 --yes', env)
    expect([code, stdout]).toEqual([0, 'Added left@sh-12, which goes on with the files in its folder.\n'])
    const body = { name: 'left', kind: 'rsync', upstream: 'rsync://h/m/', interval_secs: 3600 }
    expect(asked.at(-1)).toMatchObject({ name: 'addReplica', params: { id: 'w-1' }, body })
  })

  it.for([
    [
      'left',
      [left],
      'adopting a folder needs a confirmation; nothing was done\n' +
        'hint: Run: kagami folders adopt left --worker sh-12 --yes',
    ],
    [
      'foreign --yes',
      [foreign],
      'foreign on sh-12 has no mark of Kagami, so it is not known which upstream its files are of; ' +
        'nothing was added\nhint: Give the upstream yourself: kagami replicas add UPSTREAM --worker sh-12 --name ' +
        'foreign. Its first sync shows what it would change: kagami replicas adopt foreign@sh-12',
    ],
    [
      'none --yes',
      [left],
      'none is not among the folders of sh-12 that belong to no replica; nothing was added\n' +
        'hint: kagami folders --worker sh-12 lists them; the worker looks again within a minute.',
    ],
    [
      'left --yes',
      null,
      'sh-12 has not said yet which folders it has; nothing was added\n' +
        'hint: Wait until it has; a worker of an earlier version never does. kagami replicas add works in any case.',
    ],
  ] as [string, Folder[] | null, string][])('adopt adds nothing, and says why: %s', async ([words, items, message]) => {
    const { env, asked } = await (items ? answering(items) : answering([], null))
    const { code, stderr } = await runKagami(`folders adopt ${words.replace(/^(\S+)/, '$1 --worker sh-12')}`, env)
    expect([code, stderr]).toEqual([2, `error: ${message}\n`])
    expect(asked.map(({ name }) => name)).not.toContain('addReplica')
  })
})

describe('kagami folders remove', () => {
  it.for(['left', 'swapped', 'foreign'])('deletes %s and all that belongs to it', async (name) => {
    const dir = aDataDir()
    const { code, stdout } = await runKagami(`folders remove ${name} --config ${join(dir, 'worker.toml')} --yes`)
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^Removed ${name} \\(.* in 1 file, .*\\)\\.\n$`)),
    ])
    const rest = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    expect(rest.filter((path) => path.includes(name) || path.includes('trash'))).toEqual([])
    expect(rest).toContain('declared/file')
  })

  it('asks first, and deletes nothing without a terminal', async () => {
    const dir = aDataDir()
    const { code, stderr } = await runKagami(`folders remove left --data-dir ${dir}`)
    expect([code, stderr]).toEqual([
      2,
      'error: removing a folder needs a confirmation; nothing was done\n' +
        `hint: Run: kagami folders remove left --data-dir ${dir} --yes\n`,
    ])
    expect(existsSync(join(dir, 'left/file'))).toBe(true)
  })

  it.for(['declared', 'running', 'added', 'RUNNING', 'old'])('refuses %s, which a replica has', async (name) => {
    const dir = aDataDir()
    mkdirSync(join(dir, name), { recursive: true })
    const file = join(dir, 'worker.toml')
    writeFileSync(file, `${readFileSync(file, 'utf8')}was = "old"\n`)
    const { code, stderr } = await runKagami(`folders remove ${name} --config ${file} --yes`)
    expect([code, stderr]).toEqual([
      2,
      `error: ${name} cannot be removed: it is the folder of a replica called ${name.toLowerCase()}; ` +
        'nothing was deleted\nhint: Stop mirroring first: kagami replicas remove, or take it out of worker.toml and ' +
        'restart the worker.\n',
    ])
    expect(existsSync(join(dir, name))).toBe(true)
  })

  it.for(['none', '.hidden', '.kagami', '.generations', '..', 'left/..', 'index.html'])(
    'refuses %s, which is no such folder',
    async (name) => {
      const dir = aDataDir()
      const before = readdirSync(dir, { recursive: true })
      const { code, stderr } = await runKagami(`folders remove ${name} --data-dir ${dir} --yes`)
      expect([code, stderr]).toEqual([
        2,
        `error: there is no folder ${name} in ${dir}; nothing was deleted\n` +
          'hint: kagami folders lists those that belong to no replica; write the name as it is there.\n',
      ])
      expect(readdirSync(dir, { recursive: true })).toEqual(before)
    },
  )
})

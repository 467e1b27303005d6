// folders.test.ts — kagami folders: what is listed, and what is not.
import { linkSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runKagami } from '../testing/run-kagami.ts'

/** A data_dir with replicas, folders of earlier replicas, and folders that Kagami did not make. */
function aDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-folders-'))
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
    const dir = mkdtempSync(join(tmpdir(), 'kagami-folders-'))
    const { code, stderr } = await runKagami(`folders --data-dir ${dir}`)
    expect([code, stderr]).toEqual([
      2,
      `error: ${dir}: no worker of this version has run here yet, so it is not known which folders are in use\n` +
        'hint: Give the data_dir of the worker with --data-dir or --config, and start the worker once.\n',
    ])
  })
})

// serve-config.test.ts — kagami serve-config: whose folder it is for, what it refuses, and that the page about serving
// has every name that is hidden.
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownNames } from '@kagami/worker'
import { afterAll, expect, it } from 'vitest'
import { runKagami } from '../testing/run-kagami.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const dir = mkdtempSync(join(tmpdir(), 'kagami-serve-config-'))
afterAll(() => rmSync(dir, { recursive: true }))

it.each(['nginx', 'apache', 'rsyncd', 'lfs'])(
  '%s is for the data_dir of the worker, or for another folder',
  async (server) => {
    const file = join(dir, 'worker.toml')
    writeFileSync(file, 'data_dir = "/srv/of worker"\n')
    expect((await runKagami(`serve-config ${server} --config ${file}`)).stdout).toContain('/srv/of worker')
    const env = { KAGAMI_DATA_DIR: '/srv/of-env' }
    expect((await runKagami(`serve-config ${server} --config ${file}`, env)).stdout).toContain('/srv/of-env')
    expect((await runKagami(`serve-config ${server} --dir /srv/given`, env)).stdout).toContain('/srv/given')
  },
)

it('asks for a folder when none is known', async () => {
  const { code, stdout, stderr } = await runKagami(`serve-config nginx --config ${join(dir, 'empty.toml')}`)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).not.toContain('fault')
})

it('writes a new file, and never over one that is there', async () => {
  const file = join(dir, 'lfs')
  expect(await runKagami(`serve-config lfs --dir /srv/m --output ${file}`)).toMatchObject({ code: 0, stdout: '' })
  expect(statSync(file).mode & 0o777).toBe(0o755)
  writeFileSync(file, 'mine')
  const { code, stderr } = await runKagami(`serve-config lfs --dir /srv/m --output ${file}`)
  expect([code, readFileSync(file, 'utf8'), stderr]).toEqual([
    2,
    'mine',
    expect.stringContaining('nothing was written'),
  ])
})

it.each([
  ['nginx --dir /srv/$host', '--dir'],
  ['apache --dir /srv/"x', '--dir'],
  ['apache --dir /srv/*', '--dir'],
  ['rsyncd --dir /srv/%RSYNC_USER_NAME%', '--dir'],
  ["lfs --dir /srv/it's", '--dir'],
  ['nginx --dir /srv --listen 0', '--listen'],
  ['nginx --dir /srv --listen 80;include', '--listen'],
  ['nginx --dir /srv --host a;b', '--host'],
  ['apache --dir /srv --host <x>', '--host'],
  ['rsyncd --dir /srv --name a]b', '--name'],
  ['rsyncd --dir /srv --name global', '--name'],
  ['nginx --dir /srv --lfs relative', '--lfs'],
  ['lfs --dir /srv --url http://host/path', '--url'],
  ["lfs --dir /srv --url http://host';x", '--url'],
])('refuses what the server would misread: %s', async (line, option) => {
  const { code, stdout, stderr } = await runKagami(`serve-config ${line}`)
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(`error: ${option}`)])
})

it('says that a folder is not there, and goes on', async () => {
  const { code, stdout, stderr } = await runKagami(`serve-config nginx --dir ${dir}/none`)
  expect([code, stdout]).toEqual([0, expect.stringContaining(`root "${dir}/none"`)])
  expect(stderr).toContain(`${dir}/none is not on this machine`)
  expect((await runKagami(`serve-config nginx --dir ${dir}`)).stderr).toBe('')
})

it('every name that the worker writes into a data_dir is among those that are hidden', () => {
  const sources = globSync('packages/worker/src/**/*.ts', { cwd: ROOT }).filter(
    (path) => !/test\.ts$|\/testing\//.test(path),
  )
  const text = sources
    .map((path) => readFileSync(join(ROOT, path), 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, ''))
    .join('\n')
  // What code has between quotes or after a slash, as a name of its own.
  const written = [...text.matchAll(/['"`/](\.(?:kagami|generations|~)[\w~-]*)['"`/]/g)].map(([, name]) => name!)
  expect(new Set(written).size).toBeGreaterThan(4)
  const known = [...ownNames.names, ...ownNames.suffixes]
  expect([...new Set(written)].filter((name) => !known.includes(name))).toEqual([])
})

it('the page about serving has every name that is hidden', () => {
  const page = readFileSync(new URL('../../../../docs/serving.md', import.meta.url), 'utf8')
  const names = [...ownNames.names, ...ownNames.suffixes.map((end) => `*${end}`), ...ownNames.paths, ...ownNames.tops]
  expect(names.filter((name) => !page.includes(`\`${name.replace(/\.lock$/, '')}\``))).toEqual([])
})

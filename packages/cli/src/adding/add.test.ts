// add.test.ts — kagami replicas add with presets and several workers, clone, presets, and a replica as worker.toml.
import { presets, Refusal } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aReplica, aWorker } from '../testing/samples.ts'

const NAMES: Record<string, string> = { 'sh-12': 'w-1', 'sh-13': 'w-2', full: 'w-3' }
const source = aReplica({
  has_credentials: true,
  labels: { env: 'prod' },
  options: { two_stage: 'debian', exclude: ['*.iso'] },
})
const api = await startApi({
  getWorker: ({ params: { id } }) => {
    if (!NAMES[id]) throw new Refusal('not_found', `there is no worker ${id}`)
    return aWorker({ worker_id: NAMES[id], name: id })
  },
  getReplica: () => source,
  addReplica: ({ params: { id }, body }) => {
    if (id === 'w-3') throw new Refusal('name_taken', 'worker full already has a replica "debian"', 'name')
    return { replica_id: `r-${id}`, name: body.name, worker_id: id }
  },
})
const run = (line: string, env: Record<string, string> = {}) => runKagami(line, { ...api.env, ...env })
const added = () => api.asked.filter(({ name }) => name === 'addReplica').map(({ params, body }) => [params?.id, body])

describe('kagami replicas add --preset', () => {
  it('sends what the preset says, and says what else is to be known', async () => {
    const { stdout, stderr } = await run('replicas add --preset cran --worker sh-12')
    expect(stdout).toBe('Added CRAN@sh-12\n')
    expect(api.asked.at(-1)?.body).toEqual({
      upstream: 'rsync://cran.r-project.org/CRAN/',
      kind: 'rsync',
      name: 'CRAN',
      interval_secs: 86_400,
      labels: { category: 'language' },
      options: {},
      auth: null,
    })
    expect(stderr).toContain('note: The upstream limits how often a mirror may sync')
  })

  it('lets what is given win', async () => {
    await run(
      'replicas add rsync://ftp.example.org/debian/ --preset debian --worker sh-12 --name deb --interval 3600 ' +
        '--label category=os --option two_stage=off --paused',
    )
    expect(api.asked.at(-1)?.body).toMatchObject({
      upstream: 'rsync://ftp.example.org/debian/',
      name: 'deb',
      interval_secs: 3600,
      labels: { category: 'os' },
      options: { two_stage: 'off', freshness_file: 'project/trace/ftp-master.debian.org' },
      paused: true,
    })
  })

  it.each([
    ['--preset debian', 'rsync://HOST/debian/ does not say which mirror to fetch from'],
    ['rsync://HOST/debian/', 'rsync://HOST/debian/ does not say which mirror to fetch from'],
    ['--preset debain', 'there is no preset "debain"; did you mean debian?'],
    ['', 'no upstream was given'],
  ])('%s is refused before anything is sent', async (words, text) => {
    const { code, stderr } = await run(`replicas add ${words} --worker sh-12`)
    expect(code).toBe(2)
    expect(stderr).toContain(text)
    expect(api.asked.at(-1)?.name).toBe('getWorker')
  })

  it('points out the preset of an upstream that was added without', async () => {
    const { stderr } = await run('replicas add rsync://ftp.example.org/debian/ --worker sh-12')
    expect(stderr).toContain('There is a preset for this upstream: kagami replicas presets debian\n')
  })
})

describe('several workers', () => {
  it('all get it', async () => {
    const before = added().length
    const { code, stdout } = await run('replicas add rsync://h/m/ --worker sh-12 --worker sh-13 --worker sh-12')
    expect([code, stdout]).toEqual([0, 'Added m@sh-12\nAdded m@sh-13\n'])
    expect(added().slice(before)).toMatchObject([
      ['w-1', { name: 'm' }],
      ['w-2', { name: 'm' }],
    ])
  })

  it('go on when one refuses, which is said', async () => {
    const { code, stdout, stderr } = await run('replicas add rsync://h/m/ --worker full --worker sh-13')
    expect([code, stdout]).toEqual([8, 'Added m@sh-13\n'])
    expect(stderr).toContain('full: error: worker full already has a replica "debian"')
    expect(stderr).toContain('1 of 2 workers did not take it, the others have it')
  })

  it('are found before one of them is asked for anything', async () => {
    const before = added().length
    expect((await run('replicas add rsync://h/m/ --worker sh-12 --worker nowhere')).code).toBe(3)
    expect(added().length).toBe(before)
  })

  it('are listed for programs, each with its result', async () => {
    const { stdout } = await run('replicas add rsync://h/m/ --worker full --worker sh-13 --json')
    expect(JSON.parse(stdout)).toMatchObject([
      { worker_id: 'w-3', error: { code: 'name_taken', field: 'name' } },
      { worker_id: 'w-2', replica_id: 'r-w-2' },
    ])
  })
})

describe('kagami replicas clone', () => {
  it('adds the same to another worker, without credentials, and says so', async () => {
    const { code, stdout, stderr } = await run('replicas clone debian@sh-12 --worker sh-13')
    expect([code, stdout]).toEqual([0, 'Added debian@sh-13\n'])
    expect(stderr).toContain('debian@sh-12 has credentials, which were not copied')
    const { name, kind, upstream, interval_secs, labels, options } = source
    expect(added().at(-1)).toEqual(['w-2', { name, kind, upstream, interval_secs, labels, options, auth: null }])
  })

  it('takes credentials that are given', async () => {
    const env = { KAGAMI_AUTH: '{"type":"token","token":"secret"}' }
    const { stderr } = await run('replicas clone debian@sh-12 --worker sh-13 --name deb --paused', env)
    expect(stderr).not.toContain('credentials')
    expect(added().at(-1)?.[1]).toMatchObject({ name: 'deb', paused: true, auth: { type: 'token', token: 'secret' } })
  })
})

describe('kagami replicas presets', () => {
  it('lists them, and shows one', async () => {
    const { stdout, stderr } = await runKagami('replicas presets')
    expect(stdout).toMatch(/^PRESET +TITLE +KIND +EVERY +UPSTREAM\nalpine +Alpine Linux +rsync +60m +rsync:/)
    expect(stderr).toBe('What one sets, and where that is from: kagami replicas presets PRESET\n')
    const one = await runKagami('replicas presets debian')
    expect(one.stdout).toMatch(/options +two_stage=debian freshness_file=project\/trace\/ftp-master\.debian\.org\n/)
    expect(one.stdout).toMatch(/source +https:\/\/www\.debian\.org\/mirror\/ftpmirror\n/)
    expect(one.stderr).toContain('note: Write the host of one mirror near you in place of HOST')
  })

  it('prints them for programs', async () => {
    expect(JSON.parse((await runKagami('replicas presets --json')).stdout)).toEqual(presets)
    expect(JSON.parse((await runKagami('replicas presets linux --json')).stdout)).toMatchObject({ id: 'linux' })
    expect((await runKagami('replicas presets linx')).stderr).toContain('did you mean linux?')
  })
})

it('a replica is printed as it stands in worker.toml', async () => {
  const { stdout } = await run('replicas get debian@sh-12 --toml')
  expect(stdout).toBe(
    '[[providers]]\nname = "debian"\nkind = "rsync"\nupstream = "rsync://rsync.example.org/debian/"\n' +
      'interval_secs = 21600\nlabels.env = "prod"\noptions.two_stage = "debian"\noptions.exclude = ["*.iso"]\n' +
      '# Its credentials are not copied: write auth = { type = "basic" or "token", … } here.\n',
  )
})

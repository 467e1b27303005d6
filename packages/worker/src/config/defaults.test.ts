// defaults.test.ts — [defaults] of worker.toml, and patterns in a file beside it.
import { dirname } from 'node:path'
import { ConfigError } from '@kagami/runtime'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { timingOf } from '../core/schedule.ts'
import { providers } from '../providers/index.ts'
import { writeToml } from '../testing/worker-toml.ts'
import { loadWorkerConfig } from './config.ts'
import { declaredReplicas } from './replicas.ts'

const UPSTREAMS = { git: 'https://h/a.git', rsync: 'rsync://h/a/', http: 'https://h/a/' }
type Kind = keyof typeof UPSTREAMS

/** The replicas of a file, with other files beside it. */
function declared(text: string, beside: Record<string, string | Buffer> = {}) {
  const file = writeToml(text, beside)
  try {
    const config = loadWorkerConfig({ file, env: { KAGAMI_DATA_DIR: '/d' } })
    return declaredReplicas(config, { workerId: 'w', kinds: providers, warnings: [] })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new Error(`${error.message} | ${error.hint}`.replaceAll(dirname(file), '…'), { cause: error })
  }
}

const provider = (kind: Kind, more = '') =>
  `[[providers]]\nname = "${kind}"\nkind = "${kind}"\nupstream = "${UPSTREAMS[kind]}"\n${more}\n`

describe('[defaults] of worker.toml', () => {
  test('are for all replicas, those of a kind for its replicas, and what a replica says itself wins', () => {
    const replicas = declared(`
[defaults]
interval_secs = 3600
labels = { site = "sh", team = "a" }
options = { max_delete_percent = 40, windows = ["22:00-06:00"] }
[defaults.rsync]
interval_secs = 7200
options.bwlimit_kbps = 100
options.exclude = ["*.iso"]
${provider('git')}${provider('rsync', 'options.max_delete_percent = 5\nlabels.team = "b"')}${provider(
      'http',
      'interval_secs = 0\noptions.windows = []',
    )}`)
    expect(replicas.map(({ interval_secs, labels, options }) => ({ interval_secs, labels, options }))).toEqual([
      {
        interval_secs: 3600,
        labels: { site: 'sh', team: 'a' },
        options: { max_delete_percent: 40, windows: ['22:00-06:00'] },
      },
      {
        interval_secs: 7200,
        labels: { site: 'sh', team: 'b' },
        options: { max_delete_percent: 5, windows: ['22:00-06:00'], bwlimit_kbps: 100, exclude: ['*.iso'] },
      },
      { interval_secs: null, labels: { site: 'sh', team: 'a' }, options: { max_delete_percent: 40, windows: [] } },
    ])
  })

  test('the pause after a failure can be that of all replicas, of a kind, or of one', () => {
    const tables = '[defaults]\noptions.retry_secs = 60\n[defaults.rsync]\noptions.retry_secs = 0\n'
    const text = `${tables}${provider('git')}${provider('rsync')}${provider('http', 'options.retry_secs = 600')}`
    expect(declared(text).map((spec) => timingOf(spec).retrySeconds)).toEqual([60, 0, 600])
    expect(timingOf(declared(provider('git'))[0]!).retrySeconds).toBe(15)
  })

  test('an option that every declared kind has can be said for all of them', () => {
    const general = '[defaults]\noptions.keep_deleted = "6h"\noptions.timeout_secs = 90\n'
    const all = `${provider('rsync')}${provider('http', 'options.keep_deleted = "0"')}`
    const said = declared(`${general}${all}`).map(({ options }) => [options['keep_deleted'], options['timeout_secs']])
    expect(said).toEqual([
      ['6h', 90],
      ['0', 90],
    ])
    const kept = declared(`[defaults]\noptions.keep_deleted = "6h"\n${provider('git')}${all}`)
    expect(kept.map(({ options }) => options['keep_deleted'])).toEqual(['6h', '6h', '0'])
    expect(() => declared(`${general}${provider('git')}${all}`)).toThrow(
      'defaults: timeout_secs is not an option of every kind, but of rsync, http | Write it in [def',
    )
    expect(() => declared(`[defaults]\noptions.timeout_secs = "90"\n${all}`)).toThrow(
      'defaults: options.timeout_secs must be integer',
    )
  })

  test('an interval of a replica takes the place of an inherited cron line, and the other way round', () => {
    const cron = 'options.cron = "0 3 * * *"'
    const timing = (defaults: string, own: string) => {
      const [replica] = declared(`[defaults]\n${defaults}\n${provider('git', own)}`)
      return [replica?.interval_secs, replica?.options['cron']]
    }
    expect(timing(cron, '')).toEqual([null, '0 3 * * *'])
    expect(timing(cron, 'interval_secs = 60')).toEqual([60, undefined])
    expect(timing(cron, 'interval_secs = 0')).toEqual([null, undefined])
    expect(timing('interval_secs = 60', cron)).toEqual([null, '0 3 * * *'])
    expect(timing(`interval_secs = 60\n${cron}`, '')).toEqual([60, '0 3 * * *'])
  })

  test('the nearest table that says something about an option decides, whatever else is said', () => {
    const said = fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined })
    const line = (value: number | undefined) => (value === undefined ? '' : `options.max_delete_percent = ${value}`)
    fc.assert(
      fc.property(said, said, said, (all, kind, own) => {
        const [replica] = declared(
          `[defaults]\n${line(all)}\n[defaults.git]\n${line(kind)}\n${provider('git', line(own))}`,
        )
        expect(replica?.options['max_delete_percent']).toBe(own ?? kind ?? all)
      }),
      { numRuns: 40 },
    )
  })

  test.each([
    [
      '[defaults]\noptions.fsck = false',
      'defaults: fsck is not an option of every kind, but of git | Write it in [def',
    ],
    [
      '[defaults]\nfsck = false',
      'defaults: fsck is not an option of every kind, but of git | Write it in [defaults.git',
    ],
    ['[defaults.git]\nfsck = false', 'defaults.git: fsck is an option | Write options.fsck = false'],
    ['[defaults.git]\noptions.fsk = false', 'defaults.git: unknown option fsk of kind git; did you mean fsck?'],
    ['[defaults.git]\noptions.fsck = "no"', 'defaults.git: options.fsck must be boolean | Write fsck = false, without'],
    ['[defaults]\ninterval = 240', 'defaults: unknown key interval; did you mean interval_secs = 14400? | There inter'],
    ['[defaults]\nintervall_secs = 240', 'defaults: unknown key intervall_secs; did you mean interval_secs?'],
    ['[defaults]\ninterval_secs = "1d"', 'defaults: interval_secs must be integer | Write interval_secs = 86400'],
    ['[defaults.gti]\ninterval_secs = 1', 'defaults: unknown key gti; did you mean git?'],
    [
      '[defaults]\nretries = 3',
      'defaults: unknown key retries; did you mean options.retry_secs? | A sync that fails is tried again with growing',
    ],
    [
      '[defaults]\noptions.retry = 3',
      'defaults: unknown option retry that every kind has; did you mean retry_secs? | A sync that fails is tried again',
    ],
    [
      '[defaults]\noptions.retry_secs = "5m"',
      'defaults: options.retry_secs must be integer | Write retry_secs = 300: it counts seconds.',
    ],
    ['[defaults]\noptions.retry_secs = 86401', 'defaults: options.retry_secs must be <= 86400'],
    [
      '[defaults]\nverbose = 3',
      'defaults: unknown key verbose | Known are interval_secs, labels, options, exclude_from',
    ],
    ['[defaults]\nupstream = "x"', 'defaults: upstream has no default: each replica has its own'],
    ['[defaults]\noptions.cron = "61 * * * *"', 'defaults: options.cron'],
    [
      '[defaults]\noptions.max_delete = 4',
      'defaults: unknown option max_delete that every kind has; did you mean max_de',
    ],
    ['[defaults]\ngit = 5', 'defaults.git: must be a table | Write [defaults.git] above its keys.'],
  ])('%s is refused as strictly as in a replica, even without one', (text, message) =>
    expect(() => declared(text)).toThrow(`…/worker.toml: ${message}`),
  )
})

describe('exclude_from', () => {
  const lines = '# of the team\n*.iso\n\n; old\n/dists/sid/***\r\n'

  test('adds the patterns of a file beside worker.toml, without comments and empty lines', () => {
    for (const key of ['exclude_from', 'options.exclude_from']) {
      const [rsync, http] = declared(
        `${provider('rsync', `${key} = "ex.txt"\noptions.exclude = ["own"]`)}${provider('http', `${key} = "ex.txt"`)}`,
        { 'ex.txt': lines },
      )
      expect(rsync?.options).toEqual({ exclude: ['own', '*.iso', '/dists/sid/***'] })
      expect(http?.options).toEqual({ exclude: ['*.iso', '/dists/sid/***'] })
    }
  })

  test('is a default of a kind too', () => {
    const text = `[defaults.rsync]\nexclude_from = "ex.txt"\n${provider('rsync')}`
    expect(declared(text, { 'ex.txt': lines })[0]?.options).toEqual({ exclude: ['*.iso', '/dists/sid/***'] })
  })

  test.each([
    [provider('rsync', 'exclude_from = "none"'), 'providers[0] (rsync): exclude_from: there is no file …/none | Write'],
    [provider('git', 'exclude_from = "ex.txt"'), 'providers[0] (git): exclude_from is not for kind git, but for rsync'],
    [
      '[defaults]\nexclude_from = "ex.txt"',
      'defaults: exclude_from is not for every kind, but for rsync and http | Wri',
    ],
    [provider('rsync', 'exclude_from = "long"'), 'providers[0] (rsync): options.exclude must not have more than 200'],
  ])('what cannot be used is refused: %s', (text, message) =>
    expect(() => declared(text, { 'ex.txt': lines, long: 'x\n'.repeat(201) })).toThrow(`…/worker.toml: ${message}`),
  )

  test('a file that is not UTF-8 is refused with its line', () => {
    const beside = { ex: Buffer.from('a\n\xe9\n', 'latin1') }
    expect(() => declared(provider('rsync', 'exclude_from = "ex"'), beside)).toThrow(
      'ex, line 2, column 1: the byte 0xe9 is not UTF-8',
    )
  })
})

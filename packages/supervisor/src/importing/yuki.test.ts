// yuki.test.ts — Repositories of Yuki in the words of Kagami: images, schedules, and what is not taken over. What
// becomes of them on a worker is in e2e/api/import.test.ts.
import { describe, expect, test } from 'vitest'
import { readSchedule } from './cron.ts'
import { readYuki } from './yuki.ts'

const only = (text: string) => {
  const [one, ...others] = readYuki(text, 'a.yaml')
  expect(others).toEqual([])
  return one!
}
const rsync = (...envs: readonly string[]) =>
  only(
    ['name: a', "cron: '@every 6h'", 'image: ustcmirror/rsync:latest', 'envs:', '  RSYNC_HOST: h']
      .concat('  RSYNC_PATH: a', ...envs.map((line) => `  ${line}`))
      .join('\n'),
  )
const git = (...envs: readonly string[]) =>
  only(["name: g\ncron: '@hourly'\nimage: ustcmirror/gitsync\nenvs:", ...envs.map((line) => `  ${line}`)].join('\n'))

test('a repository that rsync keeps is read with all that its image is told', () => {
  const found = only(`
name: debian
cron: CRON_TZ=Asia/Shanghai 30 4 * * ?
image: docker.io/ustcmirror/rsync:2026-01
storageDir: /srv/repo/debian
user: 1000:1000
bindIP: 192.0.2.1
network: host
logRotCycle: 10
retry: 3
envs:
  $UPSTREAM: rsync://shown.example/debian/
  RSYNC_HOST: rsync.example.org
  RSYNC_PATH: /debian
  RSYNC_USER: bob
  RSYNC_PASSWORD: correct-horse
  RSYNC_EXCLUDE: --exclude .~tmp~/ --exclude=*.iso --exclude tmp/
  RSYNC_EXTRA: --fuzzy --bwlimit=9
  RSYNC_BW: 5000
  RSYNC_TIMEOUT: 0600
  RSYNC_MAXDELETE: 10000
  RSYNC_SPARSE: false
  RSYNC_DELAY_UPDATES: false
  OTHER_TOKEN: battery-staple
volumes:
  /etc/passwd: /etc/passwd:ro
`)
  expect(found).toEqual({
    name: 'debian',
    replica: {
      name: 'debian',
      kind: 'rsync',
      upstream: 'rsync://rsync.example.org/debian/',
      interval_secs: null,
      labels: {},
      options: {
        cron: '30 4 * * *',
        timezone: 'Asia/Shanghai',
        compress: false,
        extra_options: ['--hard-links'],
        delay_updates: false,
        bwlimit_kbps: 9,
        timeout_secs: 600,
        delete_excluded: true,
        exclude: ['*.iso', 'tmp/'],
      },
    },
    why: null,
    place: 'a.yaml, line 2',
    notes: [
      'its credentials are not taken over: give them by an edit',
      'RSYNC_MAXDELETE is not taken over: the deletion guard counts shares (max_delete_percent)',
      'not taken over: --fuzzy',
      'files in /srv/repo/debian stay there: a first sync fetches all anew',
      'not taken over: user, bindIP, volumes, OTHER_TOKEN',
    ],
  })
  expect(JSON.stringify(found)).not.toMatch(/correct-horse|battery-staple/)
})

test('rules of rsync keep their order, and what they leave out is deleted as there', () => {
  expect(rsync('RSYNC_FILTER: |', '  + /dists/***', '  # all else', '  - *')).toMatchObject({
    replica: { options: { filters: ['+ /dists/***', '- *'], delete_excluded: true } },
    notes: [],
  })
  const kept = rsync('RSYNC_EXCLUDE: --include=a --exclude=*', "RSYNC_DELETE_EXCLUDED: 'false'", 'RSYNC_BLKSIZE: 1024')
  expect(kept.replica!.options).toEqual({
    compress: false,
    extra_options: ['--hard-links', '--sparse', '--block-size=1024'],
    filters: ['+ a', '- *'],
  })
  expect(rsync('RSYNC_EXCLUDE: --exclude .~tmp~/').replica!.options).toEqual({
    compress: false,
    extra_options: ['--hard-links', '--sparse'],
  })
})

test('a repository that git keeps is read without its credentials', () => {
  expect(git('GITSYNC_URL: https://bob:secret@h/x.git', 'GITSYNC_BRANCH: main:main', 'GITSYNC_BITMAP: on')).toEqual({
    name: 'g',
    replica: {
      name: 'g',
      kind: 'git',
      upstream: 'https://h/x.git',
      interval_secs: null,
      labels: {},
      options: { cron: '0 * * * *' },
    },
    why: null,
    place: 'a.yaml, line 1',
    notes: [
      'its credentials are not taken over: give them by an edit',
      'all refs are mirrored, not GITSYNC_BRANCH alone: see the option refs',
    ],
  })
  expect(git('GITSYNC_URL: ssh://git@h/x.git').replica!.upstream).toBe('ssh://git@h/x.git')
})

describe('what has no equal here is named with file, line and reason', () => {
  test.each([
    ['RSYNC_RSH: ssh -i /key', 'a.yaml, line 3: RSYNC_RSH reaches it by a program'],
    ['RSYNC_SSL: true', 'a.yaml, line 3: RSYNC_SSL is rsync over TLS'],
    ['RSYNC_NO_DELETE: true', 'a.yaml, line 3: RSYNC_NO_DELETE keeps what'],
  ])('%s', (line, why) => {
    expect(rsync(line)).toMatchObject({ replica: null, why: expect.stringContaining(why) })
  })

  const head = 'name: a\ncron: "@daily"\n'
  test.each([
    [
      `${head}image: ustcmirror/apt-sync`,
      'line 3: the image ustcmirror/apt-sync is a program of its own: name it under',
    ],
    [`${head}image: evil/rsync`, 'line 3: the image evil/rsync is a program'],
    [`${head}image: ustcmirror/rsync`, 'line 3: RSYNC_HOST and RSYNC_PATH are required'],
    [`${head}image: ustcmirror/gitsync`, 'line 3: GITSYNC_URL is required, without'],
    [`${head}image: ustcmirror/gitsync\nenvs: {GITSYNC_URL: u, GITSYNC_CHECKOUT: true}`, 'line 3: GITSYNC_CHECKOUT'],
    [`${head}image: x\nenvs: [a]`, 'line 4: envs must be a table'],
    [`${head}image: x\nenvs: {A: {B: c}}`, 'line 4: envs must be a table'],
    ['name: a\nimage: x\ninterval: 1h', 'line 1: cron is required'],
    ['name: a\ncron: soon\nimage: x', 'line 2: cron has neither five fields'],
    ['cron: "@daily"\nimage: x', 'line 1: name is required'],
    ['# nothing\n\n[a, b]', 'line 3: a table of keys and values is expected'],
    ['', 'line 1: it declares no repository'],
    [
      'name: a\ncron: */5 * * * *',
      'line 2: something stands here that nothing leads to; a value that begins with * or & needs quotes',
    ],
    ['name: a\nname: b', 'line 1: a key is there twice'],
    ['name: a\n\tcron: b', 'line 2: YAML is indented by spaces'],
    ['name: a\nenvs: {A: b', 'line 2: this line is indented otherwise than those around it, or a bracket'],
    ['name: "a\n\n', 'line 1: a quote, a bracket'],
    ['envs: !secret x: y: z', 'line 1: '],
    ['['.repeat(20_000), 'line 1: it is nested too deeply'],
    ['a'.repeat(65_537), 'line 1: the text has 65537 characters'],
    [`a: &a [x, x]\n${bomb(9)}\n`, 'line 1: its aliases (*) or merges (<<) lead nowhere, or repeat'],
  ])('%j', (text, why) => {
    expect(only(text)).toMatchObject({ replica: null, why: expect.stringContaining(`a.yaml, ${why}`) })
  })

  /** Each list has the one before it nine times. */
  function bomb(depth: number): string {
    return Array.from(
      { length: depth },
      (_, at) => `l${at + 1}: &l${at + 1} [${`*${at ? `l${at}` : 'a'}, `.repeat(9)}]`,
    ).join('\n')
  }
})

test('aliases and merge keys are followed', () => {
  const found = readYuki(
    'name: a\ncron: &when "@every 90m"\nimage: ustcmirror/rsync\nenvs: &envs {RSYNC_HOST: h, RSYNC_PATH: a}\n---\n' +
      'name: b\ncron: "@daily"\nimage: ustcmirror/rsync\nenvs:\n  <<: {RSYNC_HOST: h}\n  RSYNC_PATH: b\n---\n',
    'two.yaml',
  )
  expect(found.map(({ replica }) => replica?.upstream)).toEqual(['rsync://h/a/', 'rsync://h/b/'])
  expect(found[0]!.replica!.interval_secs).toBe(5400)
  expect(found[1]!.notes).toEqual(['its cron is taken as UTC: set timezone when it meant another zone'])
})

test.each([
  ['@every 1h30m', 5400, {}],
  ['@every 1.5h', 5400, {}],
  ['@every 20ms', 1, {}],
  ['@daily', null, { cron: '0 0 * * *' }],
  ['TZ=Europe/Berlin  */5 1-3 ? JAN sun', null, { cron: '*/5 1-3 * JAN sun', timezone: 'Europe/Berlin' }],
])('the schedule %j is read', (text, interval_secs, options) =>
  expect(readSchedule(text)).toMatchObject({ interval_secs, options }),
)

test.each([
  '',
  'TZ=UTC',
  '@every',
  '@every h',
  '@every 0s',
  '@every -1h',
  '@every 1h x',
  '@often',
  '* * * *',
  '* * * * * *',
])('the schedule %j is none', (text) => expect(readSchedule(text)).toBeNull())

// importing.test.ts — Configurations of Kagami and tunasync in the words of Kagami: nested mirrors, minutes, defaults,
// and what is not taken over. What becomes of them on a worker is in e2e/api/import.test.ts.
import { parseToml } from '@kagami/runtime'
import { describe, expect, test } from 'vitest'
import { readProviders } from './providers.ts'
import { readTunasync } from './tunasync.ts'

const providers = (text: string) => readProviders(parseToml(text, 'text'))
const mirrors = (text: string) => readTunasync(parseToml(text, 'text'))

describe('worker.toml', () => {
  test('is read with its defaults, as a worker reads it', () => {
    const [debian, tool] = providers(`
[defaults]
interval_secs = 3600
labels.site = "sh"
[defaults.rsync]
options.cron = "30 3 * * *"
[[providers]]
name = "debian"
kind = "rsync"
upstream = "rsync://h/debian/"
labels.env = "prod"
options.two_stage = "debian"
[[providers]]
name = "tool"
kind = "git"
upstream = "https://h/tool.git"
interval_secs = 0
`)
    expect(debian).toEqual({
      name: 'debian',
      replica: {
        name: 'debian',
        kind: 'rsync',
        upstream: 'rsync://h/debian/',
        interval_secs: null,
        labels: { site: 'sh', env: 'prod' },
        options: { cron: '30 3 * * *', two_stage: 'debian' },
      },
      why: null,
      notes: [],
    })
    expect(tool!.replica).toMatchObject({ interval_secs: null, labels: { site: 'sh' }, options: {} })
  })

  test('has no credentials taken over, and says what else is not', () => {
    const [one] = providers(`
[[providers]]
name = "a"
kind = "rsync"
upstream = "rsync://h/a/"
auth = { type = "basic", username = "bob", password = "secret" }
hooks = { on_success = ["/bin/true"] }
exclude_from = "x.txt"
`)
    expect(one!.notes).toEqual([
      'its credentials are not taken over: give them by an edit',
      'not taken over: hooks, exclude_from',
    ])
    expect(JSON.stringify(one)).not.toContain('secret')
  })

  test('says what a provider lacks', () => {
    expect(
      providers('providers = ["debian", { name = "b", kind = "git" }, 5]').map(({ name, why }) => [name, why]),
    ).toEqual([
      ['debian', 'only its name is given: kind and upstream are needed'],
      ['b', 'upstream is required'],
      ['providers[2]', 'only its name is given: kind and upstream are needed'],
    ])
  })
})

describe('worker.conf of tunasync', () => {
  test('is read as tunasync reads it: mirrors within mirrors, minutes, options of one stage', () => {
    const found = mirrors(`
[global]
name = "w1"
interval = 240
timeout = 86400
rsync_options = ["--bwlimit=100"]
[[mirrors]]
name = "ipv6s"
use_ipv6 = true
  [[mirrors.mirrors]]
  name = "debians"
  mirror_subdir = "debian"
  provider = "two-stage-rsync"
  stage1_profile = "debian"
    [[mirrors.mirrors.mirrors]]
    name = "debian-security"
    upstream = "rsync://h/debian-security/"
  [[mirrors.mirrors]]
  name = "debian-cd"
  provider = "rsync"
  use_ipv6 = false
  timeout = 0
  upstream = "rsync://h/debian-cd/"
  interval = 30
  rsync_options = ["--exclude", "*.iso", "--exclude=tmp/", "--fuzzy", "-z"]
`)
    const both = { compress: false, time_limit_secs: 86_400, address_family: 'ipv6', extra_options: ['--hard-links'] }
    expect(found.map(({ replica }) => replica)).toEqual([
      {
        name: 'debian-security',
        kind: 'rsync',
        upstream: 'rsync://h/debian-security/',
        interval_secs: 14_400,
        labels: {},
        options: { ...both, two_stage: 'debian' },
      },
      {
        name: 'debian-cd',
        kind: 'rsync',
        upstream: 'rsync://h/debian-cd/',
        interval_secs: 1800,
        labels: {},
        options: { ...both, compress: true, bwlimit_kbps: 100, exclude: ['*.iso', 'tmp/'] },
      },
    ])
    expect(found.map(({ notes }) => notes)).toEqual([['not taken over: mirror_subdir'], ['not taken over: --fuzzy']])
  })

  test('says what has no equal here', () => {
    const found = mirrors(`
[global]
[[mirrors]]
name = "pypi"
provider = "command"
command = "/home/scripts/pypi.sh"
[[mirrors]]
name = "odd"
provider = "git"
[[mirrors]]
name = "files"
upstream = "rsync://h/files/"
exclude_file = "/etc/tunasync/x"
username = "bob"
password = "secret"
docker_image = "alpine"
`)
    expect(found.map(({ name, why }) => [name, why])).toEqual([
      ['pypi', expect.stringContaining('name that under [[commands]] in worker.toml')],
      ['odd', 'provider "git" is unknown'],
      ['files', null],
    ])
    expect(found[2]!.notes).toEqual([
      'it has no interval, and is synced on request only',
      'its credentials are not taken over: give them by an edit',
      'write the patterns of /etc/tunasync/x as its option exclude',
      'not taken over: docker_image',
    ])
    expect(JSON.stringify(found)).not.toContain('secret')
  })
})

import { ConfigError, replicaIdOf, writeJoinToken } from '@kagami/runtime'
import { describe, expect, test } from 'vitest'
import { providers } from '../providers/index.ts'
import { writeToml } from '../testing/worker-toml.ts'
import { hooksFor, loadWorkerConfig } from './config.ts'
import { WorkerKeys } from './keys.ts'
import { declaredReplicas, renamedReplicas } from './replicas.ts'

function load(text: string | null, env: Record<string, string> = {}) {
  const warnings: string[] = []
  const config = loadWorkerConfig({
    ...(text === null ? {} : { file: writeToml(text) }),
    env: text === null ? { KAGAMI_CONFIG: '/nonexistent/worker.toml', ...env } : env,
  })
  return {
    config,
    replicas: declaredReplicas(config, { workerId: 'w', kinds: providers, warnings }),
    warnings: [...config.warnings, ...warnings],
  }
}

function problem(text: string | null, env: Record<string, string> = {}): { message: string; hint: string | null } {
  try {
    load(text, env)
  } catch (error) {
    if (error instanceof ConfigError)
      return {
        message: error.message.replace(/\S*\/worker\.toml/, 'worker.toml'),
        hint: error.hint?.replace(/\S*\/worker\.toml/, 'worker.toml') ?? null,
      }
    throw error
  }
  throw new Error('nothing was wrong')
}

const aToken = writeJoinToken({
  url: 'tls://h:4222',
  ca: null,
  account: 'A',
  join: { jwt: 'j', seed: 's' },
  secret: 'x'.repeat(32),
})

describe('the worker’s configuration', () => {
  test('the example of v0 is understood', () => {
    const { config, replicas, warnings } = load(`
data_dir = "/srv/mirrors"
[[providers]]
name = "repo-mirror"
kind = "git"
upstream = "https://example.com/repo.git"
interval_secs = 300
labels.env = "prod"
labels.region = "us"`)
    expect(config).toMatchObject({
      data_dir: '/srv/mirrors',
      nats_url: 'nats://127.0.0.1:4222',
      http_addr: '0.0.0.0:8080',
      declaredIn: expect.stringMatching(/^\/.+\.toml$/),
    })
    expect(replicas).toEqual([
      {
        replica_id: replicaIdOf('w', 'repo-mirror'),
        name: 'repo-mirror',
        kind: 'git',
        upstream: 'https://example.com/repo.git',
        interval_secs: 300,
        labels: { env: 'prod', region: 'us' },
        options: {},
        origin: 'config',
      },
    ])
    expect(warnings).toEqual([])
  })

  test('providers come from KAGAMI_PROVIDERS as JSON, and a bare name is a replica that is never synced', () => {
    const { config, replicas } = load(null, {
      KAGAMI_DATA_DIR: '/d',
      KAGAMI_PROVIDERS: '[{"name":"a","kind":"http","upstream":"http://127.0.0.1/x","interval_secs":0},"bare"]',
    })
    expect(config.declaredIn).toBe('KAGAMI_PROVIDERS')
    expect(replicas.map(({ name, kind, interval_secs }) => [name, kind, interval_secs])).toEqual([
      ['a', 'http', null],
      ['bare', 'unknown', null],
    ])
  })

  test('every key can come from the environment, which takes precedence over the file', () => {
    const env = {
      KAGAMI_NAME: 'n',
      KAGAMI_WORKER_ID: 'w-9',
      KAGAMI_HTTP_ADDR: '127.0.0.1:9',
      KAGAMI_DATA_DIR: '/env',
      KAGAMI_NATS_URL: 'nats://env:1',
      KAGAMI_SLOTS: '9',
      KAGAMI_SLOTS_PER_HOST: '8',
      KAGAMI_SYNC_TIMEOUT_SECS: '7',
      KAGAMI_GRACE_SECS: '6',
      KAGAMI_ADOPT_EXISTING: 'true',
      KAGAMI_PROVIDERS: '[]',
      KAGAMI_JOIN_TOKEN: aToken,
      KAGAMI_JOIN_TOKEN_FILE: '/none',
      KAGAMI_UPSTREAM_POLICY: 'public-only',
      KAGAMI_UPSTREAM_ROOTS: '["/srv/in/"]',
      KAGAMI_CA_FILE: '/ca.pem',
      KAGAMI_DEFAULTS: '{"interval_secs":60}',
      KAGAMI_HOOKS: '{"on_held":["/bin/mail","-s","held"]}',
      KAGAMI_PROXY: 'socks5h://proxy:1080',
      KAGAMI_PROXY_USERNAME: 'worker',
      KAGAMI_PROXY_PASSWORD: 'secret',
      KAGAMI_PROXY_PASSWORD_FILE: '',
      KAGAMI_NO_PROXY: '["10.0.0.0/8"]',
      KAGAMI_PROXIES: '[{"name":"other","url":"http://proxy:3128"}]',
      KAGAMI_COMMANDS: '[{"name":"env","command":["/usr/bin/env"]}]',
      KAGAMI_SSH: '{"key":"/etc/kagami/id","known_hosts":"/etc/kagami/hosts"}',
    }
    expect(
      Object.keys(env)
        .map((key) => key.slice('KAGAMI_'.length).toLowerCase())
        .sort(),
    ).toEqual(Object.keys(WorkerKeys.properties).sort())
    const { config } = load('data_dir = "/file"\nnats_url = "nats://file:1"\nslots = 1', env)
    expect(config).toMatchObject({
      name: 'n',
      worker_id: 'w-9',
      http_addr: '127.0.0.1:9',
      data_dir: '/env',
      nats_url: 'nats://env:1',
      slots: 9,
      slots_per_host: 8,
      sync_timeout_secs: 7,
      grace_secs: 6,
      adopt_existing: true,
      providers: [],
      commands: [{ name: 'env', command: ['/usr/bin/env'] }],
      natsUrlGiven: true,
      upstream_roots: ['/srv/in'],
    })
    expect(config.joinToken?.url).toBe('tls://h:4222')
  })

  test('a join token that is invalid or incomplete is reported without being shown', () => {
    for (const text of ['nonsense', aToken.slice(0, -20)])
      expect(problem(`data_dir = "/d"\njoin_token = "${text}"`)).toEqual({
        message: 'worker.toml: this is not a join token, or only a part of one',
        hint: 'Create one with `kagami nats token`: a single line that begins with kagami-join-.',
      })
  })

  test('a missing data_dir says what is missing, and how to give it', () => {
    expect(problem('nats_url = "nats://x:4222"')).toEqual({
      message: 'data_dir is not set: the worker does not know where to write mirrored files',
      hint: 'Set data_dir in worker.toml, or KAGAMI_DATA_DIR, or --data-dir. It has no default on purpose.',
    })
  })

  test('a nats_url below [[providers]] is reported, because TOML gives it to the provider', () => {
    expect(
      problem(
        'data_dir = "/d"\n[[providers]]\nname = "a"\nkind = "git"\nupstream = "https://h/a.git"\nnats_url = ' +
          '"nats://x:4222"',
      ),
    ).toEqual({
      message: 'worker.toml: nats_url is written below [[providers]] "a", so TOML reads it as a key of that provider',
      hint: 'Move nats_url above the first [[providers]].',
    })
  })

  test('a data_dir below [[providers]] is reported in the same way, not as missing', () => {
    expect(
      problem('[[providers]]\nname = "a"\nkind = "git"\nupstream = "https://h/a.git"\ndata_dir = "/d"').message,
    ).toBe('worker.toml: data_dir is written below [[providers]] "a", so TOML reads it as a key of that provider')
  })

  test('a key that resembles nothing is warned about and ignored', () => {
    const { warnings } = load(
      'data_dir = "/d"\ncontact = "x"\n[[providers]]\nname = "a"\nkind = "git"\nupstream = ' +
        '"https://h/a.git"\nnote = "of the team"',
    )
    expect(warnings.map((text) => text.replace(/\S*\/worker\.toml/, 'worker.toml'))).toEqual([
      'worker.toml: unknown key contact is ignored',
      'worker.toml: providers[0] (a): unknown key note is ignored',
    ])
  })

  test('broken TOML is reported with line and column and the line itself', () => {
    const { message, hint } = problem('data_dir = "/d"\nslots = = 4')
    expect(message).toMatch(/^worker\.toml, line 2, column 9: /)
    expect(hint).toBe('The line reads: slots = = 4')
  })

  test.each([
    ['slots = "four"', 'worker.toml: slots must be integer'],
    ['http_addr = "nonsense"', 'worker.toml: http_addr must be host:port, not "nonsense"'],
    [
      '[[providers]]\nname = "a/b"\nkind = "git"\nupstream = "https://h/a.git"',
      'worker.toml: providers[0]: name "a/b" cannot be used: use letters, digits, ".", "_" and "-", beginning with a ' +
        'letter or digit, at most 128 characters',
    ],
    [
      '[[providers]]\nname = "a"\nkind = "gti"\nupstream = "https://h/a.git"',
      'worker.toml: providers[0] (a): kind "gti" is unknown',
    ],
    ['[[providers]]\nname = "a"\nkind = "git"', 'worker.toml: providers[0] (a): upstream is required'],
    [
      '[[providers]]\nname = "a"\nkind = "rsync"\nupstream = "/etc/"',
      'worker.toml: providers[0] (a): upstream must be a URL that begins with rsync:// or ssh://',
    ],
    [
      '[[providers]]\nname = "a"\nkind = "rsync"\nupstream = "file:///srv/a"',
      'worker.toml: providers[0] (a): upstream must not be a folder of the worker: its worker.toml allows none ' +
        '(upstream_roots)',
    ],
    [
      'upstream_roots = ["/srv/in"]\n[[providers]]\nname = "a"\nkind = "rsync"\nupstream = "file:///srv/a"',
      'worker.toml: providers[0] (a): upstream must be below a folder that the worker allows: /srv/in',
    ],
    [
      'upstream_roots = ["/srv/.."]',
      'worker.toml: upstream_roots must not be /: every file the worker can read could be published',
    ],
    ['upstream_roots = ["srv"]', 'worker.toml: upstream_roots: "srv" is not an absolute path'],
    [
      '[[providers]]\nname = "a"\nkind = "git"\nupstream = "https://h/a.git"\ninterval_secs = -1',
      'worker.toml: providers[0] (a): interval_secs must be >= 0',
    ],
    [
      '[[providers]]\nname = "a"\nkind = "git"\nupstream = "https://h/a.git"\n[[providers]]\nname = "A"\nkind ' +
        '= "git"\nupstream = "https://h/a.git"',
      'worker.toml: providers[1]: name "A" is taken by "a"',
    ],
  ])('%s is refused by name', (text, message) => {
    expect(problem(`data_dir = "/d"\n${text}`).message).toBe(message)
  })

  test('KAGAMI_PROVIDERS that is no JSON is reported with an example', () => {
    const { message, hint } = problem(null, { KAGAMI_DATA_DIR: '/d', KAGAMI_PROVIDERS: 'nope' })
    expect(message).toMatch(/^KAGAMI_PROVIDERS: must be JSON/)
    expect(hint).toContain('"upstream"')
  })

  test('a file named by --config must exist', () => {
    expect(() => loadWorkerConfig({ file: '/nonexistent/w.toml', env: {} })).toThrow(
      '/nonexistent/w.toml: there is no such file',
    )
  })
})

describe('what worker.toml says of one replica', () => {
  const replica = (more: string, env: Record<string, string> = {}) =>
    load(
      `data_dir = "/d"\n[hooks]\non_success = ["/bin/a"]\non_held = ["/bin/b"]\n[[providers]]\nname = ` +
        `"a"\nkind = "rsync"\nupstream = "rsync://h/m/"\n${more}`,
      env,
    )

  test('its own hooks go before those of the worker', () => {
    const { config } = replica('hooks = { on_held = ["/bin/c", "x"] }')
    expect([hooksFor(config, 'a'), hooksFor(config, 'other')]).toEqual([
      { on_success: ['/bin/a'], on_held: ['/bin/c', 'x'] },
      { on_success: ['/bin/a'], on_held: ['/bin/b'] },
    ])
  })

  test('credentials are taken as they are, or from a file', () => {
    const file = writeToml('pass word\n')
    expect(replica(`auth = { type = "basic", username = "u", password_file = "${file}" }`).replicas[0]?.auth).toEqual({
      type: 'basic',
      username: 'u',
      password: 'pass word',
    })
    expect(replica('auth = { type = "token", token = "t" }').replicas[0]?.auth).toEqual({ type: 'token', token: 't' })
    for (const [auth, said] of [
      ['{ type = "basic", password = "p" }', 'needs username'],
      ['{ type = "token", token_file = "/nonexistent" }', '/nonexistent cannot be read'],
      ['{ type = "basic", username = "u" }', 'needs password or password_file'],
    ]) {
      expect(() => replica(`auth = ${auth}`)).toThrow(said)
    }
  })

  test('a schedule that cannot be kept is refused at start', () => {
    expect(() => replica('options = { cron = "61 * * * *" }')).toThrow('providers[0] (a): options.cron')
    expect(() => replica('options = { windows = ["1-2"] }')).toThrow('options.windows')
    expect(() => replica('hooks = { on_sucess = ["x"] }')).toThrow('hooks')
  })

  test('an earlier name is for one replica, and only when no other is called so', () => {
    const table = ([name, was]: [name: string, was: string]) =>
      `[[providers]]\nname = "${name}"\nkind = "git"\nupstream = "https://h/a.git"\n${was && `was = "${was}"\n`}`
    const renamed = (...names: [name: string, was: string][]) =>
      renamedReplicas(load(`data_dir = "/d"\n${names.map(table).join('')}`).config)
    expect(renamed(['a', 'b'], ['c', 'c'], ['d', ''])).toEqual([{ was: 'b', name: 'a', kind: 'git' }])
    expect(() => renamed(['a', 'b'], ['b', ''])).toThrow('providers[0] (a): was = "b": another provider is called so')
    expect(() => renamed(['a', 'x'], ['b', 'x'])).toThrow('providers[1] (b): was = "x": another provider was called so')
    expect(() => renamed(['a', '../x'])).toThrow('was = "../x": this cannot have been the name of a replica')
  })
})

// commands.test.ts — The programs that worker.toml names: what is read, and what is said of mistakes.
import { ConfigError } from '@kagami/runtime'
import { describe, expect, test } from 'vitest'
import { providersOf } from '../providers/index.ts'
import { writeToml } from '../testing/worker-toml.ts'
import { loadWorkerConfig } from './config.ts'
import { declaredReplicas } from './replicas.ts'

const load = (text: string) => {
  const file = writeToml(text)
  try {
    const config = loadWorkerConfig({ file, env: { KAGAMI_DATA_DIR: '/d' } })
    const replicas = declaredReplicas(config, { workerId: 'w', kinds: providersOf(config), warnings: [] })
    return { config, replicas, folder: config.folder }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(error.message.replace(file, 'worker.toml'), error.hint)
  }
}
const said = (text: string): [string, string | null] => {
  try {
    load(text)
  } catch (error) {
    if (error instanceof ConfigError) return [error.message, error.hint]
    throw error
  }
  throw new Error('nothing was said')
}
const COMMAND = '[[commands]]\nname = "pypi"\ncommand = ["/bin/pypi"]\n'
const REPLICA = '[[providers]]\nname = "a"\nkind = "command"\nupstream = "https://h/"\n'

describe('a command', () => {
  test('is read with what it says, and the rest is as documented', () => {
    const { config, replicas, folder } = load(`
[[commands]]
name = "pypi"
command = ["/usr/local/bin/bandersnatch", "-c", "/etc/b.conf", "mirror"]
env = { JOBS = "8" }
env_files = { TOKEN = "secrets/token" }
upstreams = ["https://pypi.org/"]
tree = "linked"
success_codes = [0, 24]
exit_reasons = { 4 = "upstream_unreachable" }
fail_on_match = '(?i)error: \\d+'
size_pattern = 'Total size is (?P<size>[0-9.]+[KMGTP]?)'
memory_mib = 512

[[commands]]
name = "plain"
command = ["/bin/plain"]

${REPLICA.replace('https://h/', 'https://pypi.org/')}options.command = "pypi"
`)
    expect(config.commands).toEqual([
      {
        name: 'pypi',
        command: ['/usr/local/bin/bandersnatch', '-c', '/etc/b.conf', 'mirror'],
        env: { JOBS: '8' },
        envFiles: { TOKEN: `${folder}/secrets/token` },
        upstreams: ['https://pypi.org/'],
        tree: 'linked',
        successCodes: [0, 24],
        exitReasons: new Map([[4, 'upstream_unreachable']]),
        failOnMatch: /error: \d+/iu,
        sizePattern: /Total size is (?<size>[0-9.]+[KMGTP]?)/u,
        memoryMib: 512,
        container: null,
      },
      expect.objectContaining({ tree: 'copy', successCodes: [0], failOnMatch: null, upstreams: null, env: {} }),
    ])
    expect(replicas).toMatchObject([{ kind: 'command', options: { command: 'pypi' } }])
  })

  test.each([
    ['command = "/bin/x"', 'command must be array', 'Write command = ["/bin/x"], in brackets.'],
    [
      'command = ["bandersnatch"]',
      'command must begin with the absolute path of a program, not "bandersnatch"',
      'Write the path that "command -v bandersnatch" prints; what a name alone means depends on PATH.',
    ],
    ['command = ["./x"]', 'command must begin with the absolute path', 'Write the path from the root.'],
    ['command = []', 'command must not have fewer than 1 items', null],
    ['cmd = ["/x"]', 'unknown key cmd in commands; did you mean command?', null],
    ['command = ["/x"]\nenvs = {}', 'unknown key envs in commands; did you mean env?', null],
    [
      'command = ["/x"]\nsuccess_exit_codes = [1]',
      'unknown key success_exit_codes in commands; did you mean succ',
      null,
    ],
    [
      'command = ["/x"]\nfail_on_macth = "x"',
      'unknown key fail_on_macth in commands; did you mean fail_on_match?',
      null,
    ],
    [
      'command = ["/x"]\nfail_on_match = "("',
      'fail_on_match is no regular expression: ',
      'In TOML, write it in single',
    ],
    ['command = ["/x"]\nsize_pattern = "size"', 'size_pattern has no group', 'Put parentheses around the part that is'],
    ['command = ["/x"]\nenv = { "A-B" = "x" }', '"A-B" cannot be the name of a variable', null],
    [
      'command = ["/x"]\nenv = { KAGAMI_RUN = "x" }',
      'KAGAMI_RUN is set by Kagami for each sync',
      'Choose another name',
    ],
    ['command = ["/x"]\nenv_files = { TUNASYNC_X = "x" }', 'TUNASYNC_X is set by Kagami', 'Choose another name'],
    ['command = ["/x"]\nenv = { A = 12345678 }', 'env.A must be string', 'Write its value in quotes.'],
    [
      'command = ["/x"]\nexit_reasons = { x = "partial" }',
      'exit_reasons.x: an exit code is a number from 1 to 255',
      null,
    ],
    ['command = ["/x"]\nexit_reasons = { 4 = "gone" }', 'exit_reasons.4 must be one of upstream_unreachable, ', null],
    ['command = ["/x"]\ntree = "in-place"', 'tree must be one of copy, linked, direct', null],
    ['command = ["/x"]\nsuccess_codes = [-1]', 'success_codes.0 must be >= 0', null],
  ])('with %j is refused, with what to write', (keys, message, hint) => {
    const [saidMessage, saidHint] = said(`[[commands]]\nname = "pypi"\n${keys}`)
    expect(saidMessage).toContain(`worker.toml: commands[0] (pypi): ${message}`)
    if (hint !== null) expect(saidHint).toContain(hint)
  })

  test('has a name of its own', () => {
    expect(said(`${COMMAND}${COMMAND}`)[0]).toBe('worker.toml: commands[1]: another command is called pypi')
    expect(said('[[commands]]\nname = "-x"\ncommand = ["/x"]')[0]).toContain('commands[0] (-x): name must match')
  })

  test('is one of a list', () =>
    expect(said('[commands]\nname = "pypi"')).toEqual([
      'worker.toml: [commands] is a single table, and a worker has a list of commands',
      'Write [[commands]], with two brackets, above name and command of each.',
    ]))
})

describe('a replica of kind command', () => {
  test('needs a program that is named', () => {
    const [message, hint] = said(REPLICA)
    expect(message).toBe('worker.toml: providers[0] (a): kind "command" needs a program, and worker.toml names none')
    expect(hint).toContain('write [[commands]] with name = "NAME" and command = ["/path/of/program"]')
  })

  test.each([
    ['', 'options.command is required'],
    ['options.command = "none"', 'options.command must be one of pypi'],
    ['options.command = "pypi"\noptions.args = ["x"]', 'unknown option args of kind command'],
    ['options.command = "pypi"\noptions.keep_deleted = "6h"', 'unknown option keep_deleted of kind command'],
    ['command = "/home/scripts/pypi.sh --all"', 'unknown key command; did you mean kind = "command" with options.com'],
    ['options.command = "pypi"\nfail_on_match = "x"', 'unknown key fail_on_match; did you mean fail_on_match below [['],
    ['provider = "command"', 'unknown key provider; did you mean kind = "command"?'],
  ])('with %j is told what is wrong', (keys, message) =>
    expect(said(`${COMMAND}${REPLICA}${keys}`)[0]).toContain(`worker.toml: providers[0] (a): ${message}`),
  )

  test('may have its program, and options besides, from [defaults.command]', () => {
    const defaults = '[defaults.command.options]\ncommand = "pypi"\nstall_secs = 60\n'
    expect(load(`${COMMAND}${defaults}${REPLICA}options.publish = "swap"`).replicas).toMatchObject([
      { options: { command: 'pypi', stall_secs: 60, publish: 'swap' } },
    ])
    const without = '[defaults.command.options]\nstall_secs = 60\n'
    expect(said(`${COMMAND}${without}${REPLICA}options.publish = "swap"`)).toEqual([
      'worker.toml: providers[0] (a): options.command is required',
      'Write options.command = "pypi", or another of pypi.',
    ])
  })

  test('cannot use a command for another upstream than those it is for', () =>
    expect(said(`${COMMAND}upstreams = ["https://pypi.org/"]\n${REPLICA}options.command = "pypi"`)[0]).toContain(
      'option "command": pypi may only be used for upstreams that begin with https://pypi.org/',
    ))

  test('is told of no proxy: one for its replica is refused, one for all others is not its own', () => {
    const where = 'worker.toml: providers[0] (a): proxy is not for kind command: its programs connect as they like'
    const hint = expect.stringContaining('below its [[commands]]')
    const chosen = `${COMMAND}[[proxies]]\nname = "out"\nurl = "http://p:3128"\n${REPLICA}options.command = "pypi"\n`
    expect(said(`${chosen}proxy = "http://p:3128"`)).toEqual([where, hint])
    expect(said(`${chosen}options.proxy = "out"`)).toEqual([where, hint])
    expect(load(`proxy = "http://p:3128"\n${chosen}`).replicas).toHaveLength(1)
  })
})

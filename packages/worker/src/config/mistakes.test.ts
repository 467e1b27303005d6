// mistakes.test.ts — What people write wrongly into worker.toml, and what the worker says before it refuses to start.
import { policyProperties, withPolicy } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writeToml } from '../testing/worker-toml.ts'
import { ProviderKeys } from './keys.ts'
import { providers } from '../providers/index.ts'
import { loadWorkerConfig } from './config.ts'
import { declaredReplicas } from './replicas.ts'

/** Message and hint for a file with this text, or its warnings. */
function said(text: string | Buffer): [message: string, hint: string | null] | string[] {
  const file = writeToml(text)
  try {
    const config = loadWorkerConfig({ file, env: { KAGAMI_DATA_DIR: '/d' } })
    const warnings: string[] = []
    declaredReplicas(config, { workerId: 'w', kinds: providers, warnings })
    return [...config.warnings, ...warnings].map((warning) => warning.replace(file, 'worker.toml'))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [error.message.replace(file, 'worker.toml'), error.hint]
  }
}

/** The same for one provider `a` of this kind with more keys. */
const saidOf = (kind: string, more: string) =>
  said(`[[providers]]\nname = "a"\nkind = "${kind}"\nupstream = "${UPSTREAMS[kind]}"\n${more}`)
const UPSTREAMS: Record<string, string> = { git: 'https://h/a.git', rsync: 'rsync://h/a/', http: 'https://h/a/' }
const at = 'worker.toml: providers[0] (a): '
const isPolicy = (key: string) => Object.hasOwn(policyProperties, key)

describe('a wrong option is refused at start', () => {
  test.each([
    ['git', 'options.fsck = "yes"', 'options.fsck must be boolean', 'Write fsck = true, without quotes.'],
    ['git', 'options.fsk = true', 'unknown option fsk of kind git; did you mean fsck?', null],
    [
      'git',
      'options.keep_deleted = "6"',
      'options.keep_deleted has a form that is not allowed',
      'The options and their',
    ],
    ['git', 'options.lsf = true', 'unknown option lsf of kind git; did you mean lfs?', null],
    ['rsync', 'options.timeout_secs = "300"', 'options.timeout_secs must be integer', 'Write timeout_secs = 300, with'],
    ['rsync', 'options.stall_secs = "2h"', 'options.stall_secs must be integer', 'Write stall_secs = 7200: it counts'],
    ['rsync', 'options.exclude = "*.iso"', 'options.exclude must be array', 'Write exclude = ["*.iso"], in brackets.'],
    ['rsync', 'options.exclude = [5]', 'options.exclude.0 must be string', 'Write exclude = "5", in quotes.'],
    ['rsync', 'options.bwlimit = 5', 'unknown option bwlimit of kind rsync; did you mean bwlimit_kbps = 5?', null],
    ['rsync', 'options.max-delete = 9', 'unknown option max-delete of kind rsync; did you mean max_delete_perc', null],
    [
      'rsync',
      'options.two_stage = "yes"',
      'options.two_stage must be one of off, debian, debian-oldstyle',
      'The optio',
    ],
    ['rsync', 'options.max_delete_percent = 101', 'options.max_delete_percent must be <= 100', 'The options and their'],
    [
      'rsync',
      'options.extra_options = ["--rsh=x"]',
      'options.extra_options.0 has a form that is not allowed',
      'The op',
    ],
    ['http', 'options.paralel = 8', 'unknown option paralel of kind http; did you mean parallel?', null],
    ['http', 'options.threads = 8', 'unknown option threads of kind http; did you mean parallel = 8?', null],
    ['http', 'options.fsck = true', 'unknown option fsck of kind http', 'Known are tree, include, exclude, '],
    ['git', 'options.interval = 2', 'unknown option interval of kind git; did you mean interval_secs = 120, which', ''],
  ])('kind %s, %s', (kind, more, message, hint) => {
    const [saidMessage, saidHint] = saidOf(kind, more)
    expect(saidMessage).toContain(at + message)
    if (hint === null) expect(saidHint).toBeNull()
    else expect(saidHint).toContain(hint)
  })

  test.each([
    ['fsck = false', `${at}fsck is an option of kind git`, 'Write options.fsck = false'],
    ['fsk = false', `${at}unknown key fsk; did you mean options.fsck = false?`, null],
    ['cron = "0 3 * * *"', `${at}cron is an option of kind git`, 'Write options.cron = "0 3 * * *"'],
  ])('%s beside the keys of a provider is shown its place', (more, message, hint) =>
    expect(saidOf('git', more)).toEqual([message, hint]),
  )
})

describe('mistakes that people have made with real files', () => {
  const git = '[[providers]]\nname = "a"\nkind = "git"\nupstream = "https://h/a.git"\n'

  test.each([
    ['options.fsck = "yes"', 'options.fsck must be boolean', 'Write fsck = true, without quotes.'],
    ['options.fsk = true', 'unknown option fsk of kind git; did you mean fsck?', null],
    ['hooks.on_sucess = ["/x"]', 'unknown key on_sucess in hooks; did you mean on_success?', null],
    ['auth = { type = "token", tokn = "t" }', 'unknown key tokn in auth; did you mean token?', null],
    [
      'interval = 120',
      'unknown key interval; did you mean interval_secs = 7200?',
      'There interval counts minutes, in Kagami interval_secs counts seconds.',
    ],
    [
      'retry = 3',
      'unknown key retry; did you mean options.retry_secs?',
      'A sync that fails is tried again with growing pauses; retry_secs is the first of them, 0 turns this off.',
    ],
    [
      'options.exec = 1',
      'unknown option exec of kind git',
      `Known are ${Object.keys(withPolicy(providers.git.options).properties)
        .toSorted((a, b) => Number(isPolicy(a)) - Number(isPolicy(b)))
        .join(', ')}.`,
    ],
  ])('%s is answered in exactly these words', (more, message, hint) =>
    expect(said(git + more)).toEqual([at + message, hint]),
  )

  test('a byte that is not UTF-8 in a value is an error, with its place', () =>
    expect(said(Buffer.from('name = "caf\xe9"\n', 'latin1'))).toEqual([
      'worker.toml, line 1, column 12: the byte 0xe9 is not UTF-8',
      'Save the file as UTF-8; an editor calls this its encoding.',
    ]))
})

describe('a misspelt key is refused with what was meant', () => {
  test.each([
    ['intervall_secs = 5', 'unknown key intervall_secs; did you mean interval_secs?', null],
    ['hooks.on_sucess = ["/x"]', 'unknown key on_sucess in hooks; did you mean on_success?', null],
    ['hooks.before = ["/x"]', 'unknown key before in hooks', 'Known are on_success, on_failure, on_held.'],
    ['hooks.on_success = "/x"', 'hooks.on_success must be array', 'Write on_success = ["/x"], in brackets.'],
    ['on_success = ["/x"]', 'unknown key on_success; did you mean hooks.on_success = ["/path/of/program", "arg', 'A h'],
    ['auth = { type = "token", tokn = "t" }', 'unknown key tokn in auth; did you mean token?', null],
    ['auth = { type = "basic", user = "u" }', 'unknown key user in auth; did you mean username?', null],
    ['labels.x = 5', 'labels.x must be string', 'Write x = "5", in quotes.'],
    ['interval_secs = "1h"', 'interval_secs must be integer', 'Write interval_secs = 3600: it counts seconds.'],
  ])('%s', (more, message, hint) => {
    const [saidMessage, saidHint] = saidOf('git', more)
    expect(saidMessage).toContain(at + message)
    if (hint === null) expect(saidHint).toBeNull()
    else expect(saidHint).toContain(hint)
  })

  test('at the top of the file, and in the hooks of the worker', () => {
    expect(said('nats_ulr = "x"')).toEqual(['worker.toml: unknown key nats_ulr; did you mean nats_url?', null])
    expect(said('[hooks]\non_hold = ["/x"]')).toEqual([
      'worker.toml: unknown key on_hold in hooks; did you mean on_held?',
      null,
    ])
    expect(said('upstream = "https://h/a.git"')).toEqual([
      'worker.toml: upstream is a key of a provider, but there is no [[providers]] above it',
      'Write [[providers]] above upstream and the other keys of the replica.',
    ])
  })
})

describe('whatever letter is wrong', () => {
  /** One letter less, one more, or two that changed places. */
  const slips = (word: string) =>
    fc.tuple(fc.nat(word.length - 2), fc.constantFrom('less', 'more', 'swapped')).map(([at, slip]) => {
      const [before, one, two, after] = [word.slice(0, at), word[at], word[at + 1], word.slice(at + 2)]
      return before + { less: two, more: `${one}${one}${two}`, swapped: `${two}${one}` }[slip] + after
    })

  test('an option or key with a slip is refused with a proposal, never ignored', () => {
    const written = fc.constantFrom(...Object.keys(providers)).chain((kind) => {
      const options = Object.keys(withPolicy(providers[kind as keyof typeof providers].options).properties)
      const keys = Object.keys(ProviderKeys.properties)
      return fc.oneof(
        fc
          .constantFrom(...options)
          .chain((key) => slips(key).map((slip) => ({ kind, path: 'options.', known: options, slip }))),
        fc.constantFrom(...keys).chain((key) => slips(key).map((slip) => ({ kind, path: '', known: keys, slip }))),
      )
    })
    fc.assert(
      fc.property(written, ({ kind, path, known, slip }) => {
        fc.pre(!known.includes(slip))
        expect(saidOf(kind, `${path}${slip} = true`)[0]).toMatch(/unknown (key|option) \S+.*; did you mean /)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a word of another program is answered with that of Kagami', () => {
  test('interval of tunasync counts minutes', () => {
    expect(saidOf('rsync', 'interval = 120')).toEqual([
      `${at}unknown key interval; did you mean interval_secs = 7200?`,
      'There interval counts minutes, in Kagami interval_secs counts seconds.',
    ])
  })

  test.each([
    ['rsync_options = ["-v"]', 'options.extra_options'],
    ['exclude_file = "/x"', 'exclude_from = "/x"'],
    ['use_ipv6 = true', 'options.address_family = "ipv6"'],
    ['provider = "two-stage-rsync"', 'kind = "rsync" with options.two_stage = "debian"'],
    ['url = "rsync://u:secret@h/a/"', 'upstream'],
    ['RSYNC_BW = 5', 'options.bwlimit_kbps'],
    ['password = "secret"', 'auth = { type = "basic", username = "…", password_file = "…" }'],
    ['exec_on_success = ["x"]', 'hooks.on_success = ["/path/of/program", "argument"]'],
  ])('%s', (more, meant) => {
    const [message] = saidOf('rsync', more)
    expect(message).toBe(`${at}unknown key ${more.split(' ')[0]}; did you mean ${meant}?`)
  })

  test.each([
    ['concurrent = 10', 'slots = 10'],
    ['mirror_dir = "/d"\nnats_url = "x"', 'data_dir = "/d"'],
    ['interval = 240', 'defaults.interval_secs = 14400'],
    ['[[mirrors]]\nname = "a"\n[[providers]]\nname = "b"', '[[providers]]'],
    ['[[provider]]\nname = "a"', 'providers'],
  ])('%s at the top', (text, meant) => {
    expect(said(text)[0]).toBe(`worker.toml: unknown key ${/\w+/.exec(text)?.[0]}; did you mean ${meant}?`)
  })
})

describe('a table at the wrong place', () => {
  test('[providers] written once is told its cure', () => {
    expect(said('[providers]\nname = "a"\nkind = "git"')).toEqual([
      'worker.toml: [providers] is a single table, and a worker has a list of providers',
      'Write [[providers]], with two brackets, above the keys of each replica.',
    ])
    expect(said('[providers.debian]\nkind = "git"\nupstream = "https://h/a.git"')).toEqual([
      'worker.toml: [providers.debian] is a single table, and a worker has a list of providers',
      'Write [[providers]], with two brackets, and name = "debian" below it; likewise for each replica.',
    ])
  })

  const two = (last: string) =>
    said(
      ['a', 'b'].map((n) => `[[providers]]\nname = "${n}"\nkind = "git"\nupstream = "https://h/a.git"\n`).join('\n') +
        last,
    )

  test('hooks at the end of the file are pointed out, because they are those of the last replica', () => {
    expect(two('\nhooks.on_failure = ["/bin/x"]')).toEqual([
      'worker.toml: hooks is written below the last [[providers]], so it is for the replica b only. For all replicas ' +
        'move it above the first [[providers]]; if it is meant so, write it as [providers.hooks]',
    ])
    expect(two('\n[providers.hooks]\non_failure = ["/bin/x"]')).toEqual([])
    expect(two('\n[hooks]\non_failure = ["/bin/x"]')).toEqual([])
  })

  test('keys below [providers.options] that are no options are told where they belong', () => {
    expect(saidOf('git', '[providers.options]\nfsck = true\nhooks.on_failure = ["/x"]')).toEqual([
      `${at}hooks is written among the options, so TOML reads it as one of them`,
      'Move hooks above [providers.options], to the other keys of the provider.',
    ])
    expect(saidOf('git', '[providers.options]\nslots = 3')).toEqual([
      `${at}slots is written among the options, so TOML reads it as one of them`,
      'Move slots above the first [[providers]].',
    ])
  })
})

describe('bytes that are no text', () => {
  test.each([
    ['in a value', Buffer.from('slots = 4\nname = "caf\xe9"\n', 'latin1'), 'line 2, column 12: the byte 0xe9'],
    ['after other characters', Buffer.concat([Buffer.from('# é\n# ü '), Buffer.from([0xff])]), 'line 2, column 5: the'],
    ['as UTF-16', Buffer.from('\ufeffslots = 4\n', 'utf16le'), 'line 1, column 1: the byte 0xff'],
    ['cut in a character', Buffer.from([0x23, 0xe2, 0x82]), 'line 1, column 2: the byte 0xe2'],
  ])('%s are refused, and the line is named', (_where, bytes, message) => {
    const [text, hint] = said(bytes)
    expect(text).toContain(`worker.toml, ${message}`)
    expect(text).toContain('is not UTF-8')
    expect(hint).toBe('Save the file as UTF-8; an editor calls this its encoding.')
  })

  test('a mark of the encoding at the beginning is no harm', () => expect(said('\ufeffslots = 4\n')).toEqual([]))
})

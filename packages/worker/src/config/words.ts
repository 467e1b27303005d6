// words.ts — Words that other mirror programs have for what Kagami calls otherwise, and words that are only misspelt.
import { nearest } from '@kagami/runtime'

/** What to write instead of a word, and why when that is not obvious. */
export interface Cure {
  readonly write: string
  readonly why: string | null
}

type Write = string | ((value: unknown) => string)

/** By word: what to write instead, perhaps with the value that was written, and why. */
export type Words = Readonly<Record<string, Write | readonly [Write, why: string]>>

/** `key = value` as TOML; only the key when the value is a table. */
export function written(key: string, value: unknown): string {
  const simple = ['string', 'number', 'boolean'].includes(typeof value) || Array.isArray(value)
  return simple ? `${key} = ${JSON.stringify(value)}` : key
}

/** Writes the value under another key. */
const as = (key: string) => (value: unknown) => written(key, value)

const minutes =
  (key: string) =>
  (value: unknown): string =>
    typeof value === 'number' ? `${key} = ${value * 60}` : key
const MINUTES = 'There interval counts minutes, in Kagami interval_secs counts seconds.'
const RETRIES =
  'A sync that fails is tried again with growing pauses; retry_secs is the first of them, 0 turns this off.'
const SAME_FOR_ALL = 'It is the default of every provider.'
const COMMANDS =
  'A program is named once, above the providers: [[commands]] name = "NAME" command = ["/path/of/program"]. See ' +
  'docs/providers/command.md.'
const FOLDER = 'Each replica is in the folder of its name below data_dir.'

/** A list of arguments for a hook; programs are not started through a shell. */
const hook = (key: string): readonly [Write, string] => [
  `${key} = ["/path/of/program", "argument"]`,
  'A hook is a list of program and arguments, started without a shell.',
]

/** Words for the proxy, at the top and for one provider. */
const proxyWords: Words = {
  http_proxy: as('proxy'),
  https_proxy: as('proxy'),
  all_proxy: as('proxy'),
  rsync_proxy: as('proxy'),
  proxy_url: as('proxy'),
}

/** Words that are written at the top of worker.toml. */
export const topWords: Words = {
  ...proxyWords,
  proxy_user: as('proxy_username'),
  noproxy: as('no_proxy'),
  mirror_dir: as('data_dir'),
  data_directory: as('data_dir'),
  to: as('data_dir'),
  concurrent: as('slots'),
  concurrent_limit: as('slots'),
  mirrors: '[[providers]]',
  repos: '[[providers]]',
  replicas: '[[providers]]',
  interval: [minutes('defaults.interval_secs'), MINUTES],
  interval_secs: [as('defaults.interval_secs'), SAME_FOR_ALL],
  labels: ['defaults.labels', SAME_FOR_ALL],
  options: ['defaults.options', SAME_FOR_ALL],
  timeout: as('sync_timeout_secs'),
  sync_timeout: 'sync_timeout_secs',
  api_base: 'nats_url = "nats://…:4222"',
  manager: 'nats_url = "nats://…:4222"',
  listen_addr: as('http_addr'),
  on_success: hook('hooks.on_success'),
  on_failure: hook('hooks.on_failure'),
  on_held: hook('hooks.on_held'),
  exec_on_success: hook('hooks.on_success'),
  exec_on_failure: hook('hooks.on_failure'),
  post_sync: hook('hooks.on_success'),
}

/** Words that are written in a provider. */
export const providerWords: Words = {
  ...proxyWords,
  interval: [minutes('interval_secs'), MINUTES],
  provider: kindOf,
  type: kindOf,
  url: 'upstream',
  source: 'upstream',
  remote: 'upstream',
  rsync_host: 'upstream = "rsync://HOST/MODULE/"',
  rsync_path: 'upstream = "rsync://HOST/MODULE/"',
  gitsync_url: 'upstream',
  schedule: as('options.cron'),
  timeout: as('options.time_limit_secs'),
  rsync_timeout: as('options.timeout_secs'),
  retry: ['options.retry_secs', RETRIES],
  retries: ['options.retry_secs', RETRIES],
  rsync_bw: 'options.bwlimit_kbps',
  rsync_options: ['options.extra_options', 'docs/providers/rsync.md lists those that are allowed.'],
  rsync_override: ['options.extra_options', 'docs/providers/rsync.md lists those that are allowed.'],
  rsync_exclude: 'options.exclude = ["…"]',
  rsync_filter: 'options.filters = ["…"]',
  exclude_file: as('exclude_from'),
  use_ipv4: 'options.address_family = "ipv4"',
  use_ipv6: 'options.address_family = "ipv6"',
  stage1_profile: as('options.two_stage'),
  memory_limit: 'options.memory_mib',
  username: 'auth = { type = "basic", username = "…", password_file = "…" }',
  password: 'auth = { type = "basic", username = "…", password_file = "…" }',
  rsync_user: 'auth = { type = "basic", username = "…", password_file = "…" }',
  rsync_password: 'auth = { type = "basic", username = "…", password_file = "…" }',
  token: 'auth = { type = "token", token_file = "…" }',
  command: ['kind = "command" with options.command = "NAME"', COMMANDS],
  fail_on_match: ['fail_on_match below [[commands]]', COMMANDS],
  size_pattern: ['size_pattern below [[commands]]', COMMANDS],
  success_exit_codes: ['success_codes below [[commands]]', COMMANDS],
  env: ['env below [[commands]]', COMMANDS],
  mirror_dir: ['name', FOLDER],
  mirror_subdir: ['name', FOLDER],
  storagedir: ['name', FOLDER],
  on_success: hook('hooks.on_success'),
  on_failure: hook('hooks.on_failure'),
  on_held: hook('hooks.on_held'),
  exec_on_success: hook('hooks.on_success'),
  exec_on_failure: hook('hooks.on_failure'),
  exec_on_success_extra: hook('hooks.on_success'),
  exec_on_failure_extra: hook('hooks.on_failure'),
}

/** Words that are written among the options of a kind. Only those whose cure the kind has are meant. */
export const optionWords: Words = {
  bwlimit: as('bwlimit_kbps'),
  rsync_bw: as('bwlimit_kbps'),
  'limit-rate': 'bwlimit_kbps',
  timeout: as('timeout_secs'),
  retry: ['retry_secs', RETRIES],
  retries: ['retry_secs', RETRIES],
  rsync_timeout: as('timeout_secs'),
  'max-delete': 'max_delete_percent',
  max_delete: 'max_delete_percent',
  rsync_maxdelete: 'max_delete_percent',
  stage1_profile: as('two_stage'),
  rsync_options: as('extra_options'),
  delete_excluded: 'extra_options = ["--delete-excluded"]',
  checksum: 'extra_options = ["--checksum"]',
  memory_limit: 'memory_mib',
  use_ipv4: 'address_family = "ipv4"',
  use_ipv6: 'address_family = "ipv6"',
  schedule: as('cron'),
  'exclude-glob': 'exclude',
  exclude_glob: 'exclude',
  'include-glob': 'include',
  include_glob: 'include',
  jobs: as('parallel'),
  threads: as('parallel'),
  branches: 'refs',
}

/** Words that are written in a command. */
export const commandWords: Words = {
  cmd: 'command',
  exec: 'command',
  program: 'command',
  args: ['command', 'It is a list of program and arguments.'],
  envs: 'env',
  environment: 'env',
  env_file: ['env_files', 'It is a table of variables and files: env_files = { TOKEN = "/run/secrets/token" }.'],
  success_exit_codes: as('success_codes'),
  exit_codes: 'exit_reasons',
  memory_limit: 'memory_mib',
  docker_image: as('container.image'),
  docker_volumes: as('container.volumes'),
  image: as('container.image'),
  volumes: as('container.volumes'),
  user: as('container.user'),
  upstream: ['upstreams', 'The upstream itself is said by each replica; upstreams limits which it may be.'],
}

/** Words that are written for the container of a command. */
export const containerWords: Words = {
  volume: 'volumes = ["/path/here:/path/inside"]',
  memory: ['memory_mib', 'It is a key of the command itself.'],
  memory_limit: ['memory_mib', 'It is a key of the command itself.'],
  env: ['env', 'It is a key of the command itself.'],
  engine: as('runtime'),
}

/** The cure of a word of another program; null when it is none of these. */
export function knownWord(word: string, value: unknown, words: Words): Cure | null {
  const lower = word.toLowerCase()
  if (!Object.hasOwn(words, lower)) return null
  const found = words[lower]!
  const [write, why] = typeof found === 'string' || typeof found === 'function' ? [found, null] : found
  return { write: typeof write === 'string' ? write : write(value), why }
}

/**
 * The known key that is meant by a misspelt one; null when none is near. Stricter than `nearest` for short words: a
 * worker refuses to start over it, so a word like `note` must not be taken for `name`.
 */
export function misspelt(word: string, known: readonly string[]): string | null {
  return nearest(word, known, word.length <= 4 ? 1 : 2)
}

function kindOf(value: unknown): string {
  if (value === 'two-stage-rsync') return 'kind = "rsync" with options.two_stage = "debian"'
  return written('kind', value)
}

// configuration.ts — docs/configuration.md: every key and every environment variable. A variable that the code reads
// and this page does not describe is an error.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SupervisorKeys } from '../../packages/supervisor/src/config.ts'
import { CommandKeys } from '../../packages/worker/src/config/command-keys.ts'
import { DefaultKeys, ProviderKeys, ProxyTable, WorkerKeys } from '../../packages/worker/src/config/keys.ts'
import { code, GENERATED, table, typeOf, type Shape } from './markdown.ts'

/** Variables that are not keys of a schema: which programs read them, and their meaning. */
const OTHERS: Readonly<Record<string, [who: string, meaning: string]>> = {
  KAGAMI_NATS_URL: [
    'supervisor, worker, up',
    'NATS address. A supervisor that is not started by `kagami up` needs it, or SUPERVISOR_NATS_CREDENTIALS. When it ' +
      'is set, `kagami up` starts no NATS server.',
  ],
  KAGAMI_CONFIG: ['worker, up', 'Path of worker.toml when `--config` is not given. Default `./worker.toml`.'],
  KAGAMI_STATE_DIR: ['up', 'Where `kagami up` keeps everything. Default `./.kagami`.'],
  KAGAMI_NATS_SERVER: [
    'up',
    'The nats-server program to start, instead of the one on PATH or in the cache. 2.9.10 or newer.',
  ],
  KAGAMI_CACHE_DIR: [
    'up',
    'Where fetched programs are kept. Default `$XDG_CACHE_HOME/kagami`, else `~/.cache/kagami`.',
  ],
  XDG_CACHE_HOME: ['up', 'See KAGAMI_CACHE_DIR.'],
  LOG_LEVEL: [
    'all programs',
    '`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Default `info`; the parts inside `kagami ' +
      'up` log only `warn` and above unless it is set.',
  ],
  RUST_LOG: ['all programs', 'Read when LOG_LEVEL is not set.'],
  KAGAMI_LOG: [
    'all programs',
    '`json` or `pretty`. Default: pretty on a terminal, JSON lines elsewhere. Logs go to stderr.',
  ],
  JOURNAL_STREAM: ['supervisor', 'Set by systemd: the sign-in link, which holds the token, is then not printed.'],
  NODE_COMPILE_CACHE: [
    'all programs',
    'Where Node keeps compiled code for the next start. Default `compiled` in KAGAMI_CACHE_DIR.',
  ],
  NO_COLOR: ['all programs', 'Set to anything: no colours.'],
  KAGAMI_API: [
    'command line',
    'Address of the supervisor when neither `--api` nor `--context` is given. Default: that of the current context, ' +
      'else `http://127.0.0.1:21000`.',
  ],
  KAGAMI_CONTEXT: ['command line', 'Context to use in place of the current one: see `kagami context`.'],
  XDG_CONFIG_HOME: ['command line', 'Contexts are in `kagami/config.toml` in this directory. Default `~/.config`.'],
  KAGAMI_TOKEN: ['command line', 'Token for writing.'],
  KAGAMI_TOKEN_FILE: ['command line', 'File that holds the token. Read when KAGAMI_TOKEN is not set.'],
  XDG_STATE_HOME: [
    'command line, supervisor',
    'The supervisor writes its token for the command line of the same user to `kagami/api-token-PORT` in this ' +
      'directory. Default `~/.local/state`.',
  ],
  KAGAMI_AUTH: [
    'command line',
    'Credentials for `kagami replicas add` and `kagami replicas edit`, as JSON: ' +
      '`{"type":"basic","username":"…","password":"…"}` or ' +
      '`{"type":"token","token":"…"}`.',
  ],
  KAGAMI_NODE: ['command line', 'Node program to run with, instead of the one npm installed.'],
  http_proxy: [
    'worker, only where proxy = "env"',
    'Proxy for http:// upstreams; in small letters only, as curl has it.',
  ],
  https_proxy: ['worker, only where proxy = "env"', 'Proxy for https:// upstreams; also HTTPS_PROXY.'],
  RSYNC_PROXY: ['worker, only where proxy = "env"', 'Proxy for rsync:// upstreams, host:port.'],
  all_proxy: [
    'worker, only where proxy = "env"',
    'Proxy for all others, and where the one above is not set; also ALL_PROXY.',
  ],
  no_proxy: [
    'worker, only where proxy = "env"',
    'Hosts that are reached directly, besides no_proxy of worker.toml; also NO_PROXY.',
  ],
  PATH: [
    'all programs',
    'Where to look for git, rsync and nats-server. Programs that a sync starts get its absolute entries.',
  ],
}
/** Variables that Kagami or npm sets for internal use. */
const INTERNAL = new Set(['KAGAMI_LAUNCHED', 'npm_lifecycle_event', 'NO_PROXY'])

/** The page. Throws when the code reads a variable that the page does not describe. */
export function configurationReference(root: string): string {
  refuseUnnamed(root)
  const parts = [
    '# Configuration',
    GENERATED,
    'In increasing order of precedence: default, file, environment, command-line flag. An empty variable counts as ' +
      'not set. With a wrong value the program refuses to start, and names where the value comes from. So it does ' +
      'for a key or an option of worker.toml that is misspelt, in the wrong table or of another mirror program, and ' +
      'it says what is meant. A key that resembles nothing is logged and ignored; an unknown option, and an unknown ' +
      'key of `hooks` or `auth`, never is.',
    '## Worker',
    'The keys of worker.toml, each with its environment variable.',
    keyTable(WorkerKeys as Shape, 'KAGAMI_'),
    '`KAGAMI_PROVIDERS` is the list of `[[providers]]` as a JSON array. It replaces the list in the file.',
    '### Keys of a `[[providers]]` table',
    keyTable(ProviderKeys as Shape, null),
    'A provider may also be only a string, its name: such a replica is shown and never synced. In TOML, a top-level ' +
      'key below a `[[providers]]` table belongs to that table; the worker detects this and refuses to start.',
    '### Keys of a `[[proxies]]` table',
    keyTable(ProxyTable, null),
    'What they are for: [proxies.md](proxies.md).',
    '### Keys of a `[[commands]]` table',
    keyTable(CommandKeys, null),
    'What they mean together, with examples: [docs/providers/command.md](providers/command.md). An unknown key is an ' +
      'error here.',
    '### Keys of `[defaults]`',
    keyTable(DefaultKeys as Shape, null),
    'They are for all providers; those of `[defaults.git]`, `[defaults.rsync]` and so on for the providers of that ' +
      'kind, where they take precedence. Options of one kind belong there, those that all kinds of the file have ' +
      'may also be in `[defaults]`. What a provider says itself wins; labels and options are merged key by key, ' +
      'and a list is replaced as a whole. An interval takes the place of an inherited `cron`, and the other way round.',
    '```toml\n[defaults]\ninterval_secs = 21600\nlabels.site = "sh"\noptions.max_delete_percent = 40\n\n' +
      '[defaults.rsync]\nexclude_from = "exclude.txt"\noptions.bwlimit_kbps = 50000\n\n[[providers]]\n' +
      'name = "debian"\nkind = "rsync"\nupstream = "rsync://rsync.example.org/debian/"\n```',
    '## Supervisor',
    'Environment variables only; the flags of `kagami run supervisor` set some of them.',
    keyTable(SupervisorKeys, 'SUPERVISOR_'),
    '## Other environment variables',
    table(
      ['variable', 'read by', 'meaning'],
      Object.entries(OTHERS).map(([name, [who, meaning]]) => [code(name), who, meaning]),
    ),
  ]
  return `${parts.join('\n\n')}\n`
}

function keyTable(keys: Shape, prefix: string | null): string {
  const rows = Object.entries(keys.properties ?? {}).map(([key, field]) => {
    const names =
      prefix === 'SUPERVISOR_'
        ? [code(prefix + key.toUpperCase())]
        : prefix
          ? [code(key), code(prefix + key.toUpperCase())]
          : [code(key)]
    return [...names, typeOf(field), presetOf(field, keys.required?.includes(key) ?? false), field.description ?? '']
  })
  const heads = prefix === 'SUPERVISOR_' ? ['variable'] : prefix ? ['key', 'variable'] : ['key']
  return table([...heads, 'type', 'default', 'meaning'], rows)
}

function presetOf(field: Shape, required: boolean): string {
  if (field.default !== undefined) return code(JSON.stringify(field.default))
  return required ? 'required' : ''
}

function refuseUnnamed(root: string): void {
  const known = new Set([
    ...Object.keys(OTHERS),
    ...INTERNAL,
    ...Object.keys(WorkerKeys.properties).map((key) => `KAGAMI_${key.toUpperCase()}`),
    ...Object.keys(SupervisorKeys.properties).map((key) => `SUPERVISOR_${key.toUpperCase()}`),
  ])
  for (const file of globSync(['packages/*/{src,bin}/**/*.{ts,js}'], { cwd: root }).filter(
    (path) => !/\.test\.ts$|conformance\.ts$/.test(path),
  )) {
    const names = [...readFileSync(join(root, file), 'utf8').matchAll(/\benv(?:\['(\w+)'\]|\.([A-Z]\w+))/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    )
    const unnamed = names.find((name) => !known.has(name))
    if (unnamed) throw new Error(`${file} reads ${unnamed}, which scripts/docs/configuration.ts does not describe`)
  }
}

// keys.ts — Every key of worker.toml, with its default and description. docs/configuration.md is generated from it.
import { Labels, PlainText, PROXY_NAME_PATTERN, WORKER_ID_PATTERN } from '@kagami/protocol'
import type { Values } from '@kagami/runtime'
import Type from 'typebox'

const Positive = (description: string, value: number) => Type.Integer({ minimum: 1, default: value, description })

const Command = Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }))
export const HookTable = Type.Object(
  { on_success: Command, on_failure: Command, on_held: Command },
  {
    additionalProperties: false,
    description:
      'Programs to run after a sync, each a list of program and arguments: { on_success = ' +
      '["/usr/local/bin/purge", "--all"] }. The facts are in KAGAMI_… variables, see docs/operations.md. At ' +
      'most 60 s; the output is in the log of the sync.',
  },
)

/** Programs that run after a sync, each a program and its arguments. */
export interface Hooks {
  readonly on_success?: readonly string[]
  readonly on_failure?: readonly string[]
  readonly on_held?: readonly string[]
}

export const AuthTable = Type.Object(
  {
    type: Type.Enum(['basic', 'token']),
    username: Type.Optional(Type.String({ minLength: 1 })),
    password: Type.Optional(Type.String()),
    password_file: Type.Optional(Type.String({ minLength: 1 })),
    token: Type.Optional(Type.String({ minLength: 1 })),
    token_file: Type.Optional(Type.String({ minLength: 1 })),
  },
  {
    additionalProperties: false,
    description:
      'Credentials: { type = "basic", username = "…", password_file = "/run/secrets/x" } or { type = "token", ' +
      'token_file = "…" }; password and token themselves are taken too. They never leave the worker.',
  },
)

export const SshTable = Type.Object(
  {
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    known_hosts: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
  },
  {
    additionalProperties: false,
    description:
      'For git and rsync over ssh: { key = "/etc/kagami/id_ed25519", known_hosts = "/etc/kagami/known_hosts" }. The ' +
      'private key has no passphrase and is read at each sync; hosts are also known by kagami workers hosts add. ' +
      'Relative to the folder of worker.toml. See docs/ssh.md.',
  },
)

export const ProxyTable = Type.Object(
  {
    name: Type.String({ pattern: PROXY_NAME_PATTERN, description: 'How proxy, and the option proxy, call it.' }),
    url: Type.String({
      minLength: 1,
      maxLength: 1024,
      description:
        'http://host:port, https://host:port, socks5h://host:port or socks5://host:port; "none": the upstream is ' +
        'reached directly.',
    }),
    username: Type.Optional(Type.String({ minLength: 1, description: 'User name, where it wants one.' })),
    password: Type.Optional(Type.String({ minLength: 1, description: 'Its password.' })),
    password_file: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'File that has the password, in place of it. Relative to the folder of worker.toml, read at each sync.',
      }),
    ),
  },
  { additionalProperties: false },
)

const PROXY =
  'http://host:port, https://host:port, socks5h://host:port (the proxy finds the addresses of names), ' +
  'socks5://host:port (this worker does), the name of a table of [[proxies]], "env" (http_proxy, https_proxy, ' +
  'RSYNC_PROXY, all_proxy, no_proxy, read at start), or "none"'
/** Every key of worker.toml; the environment variable is `KAGAMI_` and the key in capitals. */
export const WorkerKeys = Type.Object({
  name: Type.Optional(
    PlainText({
      minLength: 1,
      maxLength: 128,
      description: 'What people call this worker; part of no path. Default: the host name.',
    }),
  ),
  worker_id: Type.Optional(
    Type.String({ pattern: WORKER_ID_PATTERN, description: 'Stable id. Default: made once and kept in data_dir.' }),
  ),
  http_addr: Type.String({ default: '0.0.0.0:8080', description: 'Where /ping and /metrics listen.' }),
  data_dir: Type.String({
    minLength: 1,
    description: 'Where mirrored files are written: one directory a replica. Required.',
  }),
  nats_url: Type.String({
    minLength: 1,
    default: 'nats://127.0.0.1:4222',
    description: 'NATS address, or several separated by commas.',
  }),
  join_token: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Where NATS is locked: what `kagami nats token` printed. Needed until the worker was approved once.',
    }),
  ),
  join_token_file: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'File that holds the join token. Read when join_token is not set; may be missing once the worker was approved.',
    }),
  ),
  slots: Positive('Syncs that may run at once.', 4),
  slots_per_host: Positive('Syncs that may run at once from one upstream host.', 2),
  sync_timeout_secs: Positive('A sync that takes longer is ended, seconds.', 86_400),
  grace_secs: Type.Integer({
    minimum: 0,
    default: 10,
    description: 'On SIGTERM, running syncs get this long to finish, seconds.',
  }),
  adopt_existing: Type.Boolean({
    default: false,
    description:
      'Take over files of something else in the folders of replicas without asking: files that Kagami did not fetch, ' +
      'or fetched from another upstream. Off: a sync shows what it would change, and waits',
  }),
  upstream_policy: Type.Enum(['any', 'public-only'], {
    default: 'any',
    description: 'public-only: upstreams at private and loopback addresses are refused. Link-local ones always are.',
  }),
  upstream_roots: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
    default: [],
    maxItems: 64,
    description:
      'Folders of this machine below which git and rsync may mirror file:// upstreams: ["/srv/incoming"]. ' +
      'None by default: what the worker can read there would be published.',
  }),
  ca_file: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'File of certificates (PEM) of authorities to believe besides the public ones and those of this system: ' +
        'for https upstreams of http and git, and for a NATS with TLS that nats_url names by its host name. Read ' +
        'at start.',
    }),
  ),
  ssh: Type.Optional(SshTable),
  proxy: Type.String({
    default: 'none',
    minLength: 1,
    maxLength: 1024,
    description: `How upstreams are reached: ${PROXY}. NATS is never reached by it. See docs/proxies.md.`,
  }),
  proxy_username: Type.Optional(Type.String({ minLength: 1, description: 'User name for the address in proxy.' })),
  proxy_password: Type.Optional(Type.String({ minLength: 1, description: 'Password for the address in proxy.' })),
  proxy_password_file: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'File that has the password, in place of it. Relative to the folder of worker.toml, read at each sync.',
    }),
  ),
  no_proxy: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    default: [],
    maxItems: 1000,
    description:
      'Hosts that are reached without the proxy, whichever it is: ["mirror.lan", "10.0.0.0/8"]. A name is that host ' +
      'and all below it; a range counts for hosts that are given by address.',
  }),
  proxies: Type.Array(ProxyTable, {
    default: [],
    maxItems: 100,
    description:
      'Proxies by name, for the key proxy and for the option proxy, with which the API chooses one of them; see the ' +
      'keys of [[proxies]] below.',
  }),
  hooks: Type.Optional(HookTable),
  commands: Type.Array(Type.Unknown(), {
    default: [],
    maxItems: 200,
    description:
      'Programs by which replicas of kind command are synced; see the keys of [[commands]] below. Only those that ' +
      'are named here are ever started.',
  }),
  defaults: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'What providers have that do not say otherwise; see the keys of [defaults] below.',
    }),
  ),
  providers: Type.Array(Type.Unknown(), {
    default: [],
    description: 'Replicas this worker declares; see the keys of [[providers]] below.',
  }),
})

const interval_secs = Type.Optional(
  Type.Integer({ minimum: 0, description: 'Seconds between syncs; 0 or absent: only when asked.' }),
)
const exclude_from = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 4096,
    description:
      'rsync and http: file with more patterns for the option exclude, one a line; lines that begin with # or ; are ' +
      'comments. Relative to the folder of worker.toml, read at start.',
  }),
)
const options = Type.Optional(
  Type.Record(Type.String(), Type.Unknown(), { description: 'Options of the kind; see docs/providers/.' }),
)

/** Every key of `[defaults]`, and of `[defaults.<kind>]` for the providers of one kind. */
export const DefaultKeys = Type.Object({ interval_secs, labels: Type.Optional(Labels), options, exclude_from })

/** Every key of a `[[providers]]` table. */
export const ProviderKeys = Type.Object({
  name: Type.String({ description: 'Name of the replica and of its directory.' }),
  was: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Earlier name of the replica: at the next start its files, generations and what is known of it get the new ' +
        'name. Refused when that has files already. May stay, or be removed afterwards.',
    }),
  ),
  kind: Type.String({ description: 'The kind of the upstream; one page for each in docs/providers/.' }),
  upstream: Type.String({ description: 'URL to mirror.' }),
  interval_secs,
  labels: Type.Optional(Labels),
  options,
  exclude_from,
  auth: Type.Optional(AuthTable),
  proxy: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1024, description: `Its proxy, in place of that of the worker: ${PROXY}.` }),
  ),
  hooks: Type.Optional(HookTable),
})

/** The values of these keys. */
export function pickKeys(values: Values, keys: readonly string[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([key]) => keys.includes(key)))
}

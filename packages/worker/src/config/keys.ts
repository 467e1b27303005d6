// keys.ts — Every key of worker.toml, with its default and description. docs/configuration.md is generated from it.
import { Labels, PlainText, WORKER_ID_PATTERN } from '@kagami/protocol'
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

/** Reasons of a failed sync that the exit code of a program may mean. */
export const EXIT_REASONS = [
  'upstream_unreachable',
  'upstream_refused',
  'upstream_missing',
  'auth_rejected',
  'timed_out',
  'partial',
  'content_invalid',
  'disk_full',
  'unknown',
] as const

const Path = Type.String({ minLength: 1, maxLength: 4096 })
const Pattern = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description }))

export const ContainerTable = Type.Object(
  {
    image: Type.String({ pattern: '^[a-zA-Z0-9][a-zA-Z0-9._/:@-]{0,254}$' }),
    runtime: Type.Optional(Type.Enum(['docker', 'podman'])),
    volumes: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { maxItems: 100 })),
    user: Type.Optional(Type.String({ pattern: '^\\d{1,10}(:\\d{1,10})?$' })),
    network: Type.Optional(Type.String({ pattern: '^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$' })),
  },
  {
    additionalProperties: false,
    description:
      'Runs the command in a container: { image = "docker.io/tunathu/bandersnatch:latest", volumes = ' +
      '["/etc/bandersnatch:/conf:ro"], user = "1000:1000", network = "host" }. runtime is docker or podman; absent: ' +
      'the first of them that answers. user is that of the worker when absent.',
  },
)

/** Every key of a `[[commands]]` table. */
export const CommandKeys = Type.Object({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
    description: 'What replicas of kind command call it: options.command.',
  }),
  command: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
    minItems: 1,
    maxItems: 200,
    description:
      'The program, by its absolute path, and its arguments: ["/usr/local/bin/pypi.sh", "--all"]. It is started ' +
      'without a shell.',
  }),
  env: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 32_768 }), {
      description:
        'Variables of its environment: { WORKERS = "8" }. Values of six characters and more, of names like TOKEN or ' +
        'PASSWORD of four, are masked in logs and reports.',
    }),
  ),
  env_files: Type.Optional(
    Type.Record(Type.String(), Path, {
      description:
        'Variables whose values are in files: { PYPI_TOKEN = "/run/secrets/pypi" }. Read at each sync, and masked. ' +
        'Relative to the folder of worker.toml.',
    }),
  ),
  upstreams: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), {
      minItems: 1,
      maxItems: 200,
      description:
        'What upstreams of its replicas must begin with: ["https://pypi.org/"]. Absent: any, also those that are ' +
        'chosen through the API.',
    }),
  ),
  tree: Type.Enum(['copy', 'linked', 'direct'], {
    default: 'copy',
    description:
      'Where it works once there is a copy. copy: in an unpublished copy of the tree, which takes its size where the ' +
      'filesystem cannot share blocks. linked: in a copy by hard links, for programs that replace files and never ' +
      'write into one. direct: where people read, as under tunasync; the guard then only counts afterwards.',
  }),
  success_codes: Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), {
    default: [0],
    maxItems: 50,
    description: 'Exit codes that mean success: [0, 24]. 0 always does.',
  }),
  exit_reasons: Type.Optional(
    Type.Record(Type.String(), Type.Enum([...EXIT_REASONS]), {
      description:
        'What exit codes mean: { 4 = "upstream_unreachable", 6 = "auth_rejected" }. It decides when the sync is ' +
        'tried again. Others: unknown, which is tried again soon.',
    }),
  ),
  fail_on_match: Pattern(
    'Regular expression: when a line of the output has it, the sync failed, also with exit code 0.',
  ),
  size_pattern: Pattern(
    'Regular expression with one group, the size of the mirror, in the last line that has it: "Total size is ([0-9.]+' +
      '[KMGTP]?)". Absent: the size is counted.',
  ),
  memory_mib: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100_000_000,
      description: 'Most memory each of its processes may take, in a container all of them, MiB. Absent: no limit.',
    }),
  ),
  container: Type.Optional(ContainerTable),
})

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
  hooks: Type.Optional(HookTable),
})

/** The values of these keys. */
export function pickKeys(values: Values, keys: readonly string[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([key]) => keys.includes(key)))
}

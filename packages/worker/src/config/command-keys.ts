// command-keys.ts — Every key of a [[commands]] table of worker.toml, with its default and description.
import Type from 'typebox'

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

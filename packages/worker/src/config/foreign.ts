// foreign.ts — Recognizes the configuration of another mirror program that was given as worker.toml.
import { ConfigError, type Values } from '@kagami/runtime'

/** A program whose configuration is TOML too: the tables and keys that only its file has, and how to go on. */
interface Program {
  readonly called: string
  readonly tables: Readonly<Record<string, 'table' | 'list'>>
  readonly keys: readonly string[]
  readonly cure: string
}

const PROGRAMS: readonly Program[] = [
  {
    called: 'the worker.conf of tunasync',
    tables: { global: 'table', manager: 'table', mirrors: 'list', cgroup: 'table', include: 'table' },
    keys: ['mirror_dir', 'api_base', 'api_base_list'],
    cure:
      'Write a worker.toml for Kagami beside it: data_dir (there: mirror_dir), nats_url (there: api_base), and for ' +
      'each [[mirrors]] a [[providers]] with name, kind, upstream and interval_secs, which counts seconds (there: ' +
      'interval, in minutes). A program that a mirror with provider = "command" runs is named by [[commands]].',
  },
  {
    called: 'the configuration of a tunasync manager',
    tables: { files: 'table' },
    keys: ['db_type', 'db_file', 'status_file'],
    cure:
      'In Kagami the supervisor has that part: kagami run supervisor. A worker needs data_dir, nats_url and ' +
      '[[providers]].',
  },
  {
    called: 'the daemon.toml of Yuki',
    tables: {},
    keys: ['repo_config_dir', 'repo_logs_dir', 'db_url', 'images_upgrade_interval', 'name_prefix'],
    cure:
      'Write a worker.toml for Kagami beside it: data_dir, nats_url, and for each repository a [[providers]] with ' +
      'name, kind, upstream and options.cron; or add its repositories by kagami replicas import.',
  },
]

/**
 * Throws ConfigError when the file is of another program: it has what only that program knows, and no key of Kagami
 * that another program does not have too.
 */
export function refuseForeignFile(values: Values, file: string): void {
  if (['data_dir', 'nats_url', 'providers', 'defaults'].some((key) => key in values)) return
  for (const { called, tables, keys, cure } of PROGRAMS) {
    const found = Object.keys(values).flatMap((key) => {
      if (Object.hasOwn(tables, key) && isTable(values[key], tables[key]!))
        return [tables[key] === 'list' ? `[[${key}]]` : `[${key}]`]
      return keys.includes(key) ? [key] : []
    })
    if (found.length === 0) continue
    throw new ConfigError(
      `${file}: this looks like ${called}: it has ${listed(found)}, which Kagami does not know`,
      `${cure} The keys are in docs/configuration.md. Nothing was started and no file was touched.`,
    )
  }
}

function isTable(value: unknown, shape: 'table' | 'list'): boolean {
  return shape === 'list' ? Array.isArray(value) : typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

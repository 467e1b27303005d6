// commands.ts — The programs that worker.toml allows for replicas of kind command: each `[[commands]]` table checked.
// Nothing else says what is started.
import { isAbsolute, resolve } from 'node:path'
import type { FailureReason } from '@kagami/protocol'
import { checkValues, ConfigError, type Values } from '@kagami/runtime'
import type { Static } from 'typebox'
import { checkCommandKeys } from './check.ts'
import { CommandKeys } from './command-keys.ts'
import { readPattern } from './pattern.ts'

/** One program, as it is started. */
export interface CommandSettings {
  readonly name: string
  /** An absolute path, and arguments. */
  readonly command: readonly [program: string, ...args: string[]]
  readonly env: Readonly<Record<string, string>>
  /** Variable → absolute path of the file with its value. */
  readonly envFiles: Readonly<Record<string, string>>
  /** What upstreams must begin with; null: with anything. */
  readonly upstreams: readonly string[] | null
  readonly tree: 'copy' | 'linked' | 'direct'
  readonly successCodes: readonly number[]
  readonly exitReasons: ReadonlyMap<number, FailureReason>
  readonly failOnMatch: RegExp | null
  readonly sizePattern: RegExp | null
  readonly memoryMib: number | null
  /** The container in which it runs; null: in none. */
  readonly container: ContainerSettings | null
}

/** How a command is run in a container. */
export interface ContainerSettings {
  readonly image: string
  /** Null: the first that answers. */
  readonly runtime: 'docker' | 'podman' | null
  readonly volumes: readonly string[]
  /** uid, or uid:gid; null: those of the worker. */
  readonly user: string | null
  /** Null: that of the runtime. */
  readonly network: string | null
}

/** The tables of a file, and where they are, for messages. */
interface Written {
  readonly commands: readonly unknown[]
  readonly source: string
  /** What paths of secrets are relative to. */
  readonly folder: string
}

/** The programs that are allowed. Throws ConfigError, which names table and key. */
export function readCommands({ commands, source, folder }: Written): CommandSettings[] {
  const taken = new Set<string>()
  return commands.map((table, index) => {
    const settings = readCommand(table, `${source}: commands[${index}]`, folder)
    if (taken.has(settings.name))
      throw new ConfigError(`${source}: commands[${index}]: another command is called ${settings.name}`)
    taken.add(settings.name)
    return settings
  })
}

function readCommand(table: unknown, place: string, folder: string): CommandSettings {
  if (typeof table !== 'object' || table === null || Array.isArray(table))
    throw new ConfigError(`${place}: must be a table`, 'Write [[commands]] above its keys.')
  const values: Values = { tree: 'copy', success_codes: [], ...(table as Values) }
  const where = typeof values['name'] === 'string' ? `${place} (${values['name']})` : place
  checkCommandKeys(values, where)
  refuseOtherThanText(values['env'], where)
  checkValues(CommandKeys, values, () => where)
  const checked = values as unknown as Static<typeof CommandKeys>
  const [program = '', ...args] = checked.command
  // In a container it is looked for in the image.
  if (!checked.container) refuseBareName(program, where)
  for (const text of [...checked.command, ...Object.values(checked.env ?? {})])
    if (text.includes('\0')) throw new ConfigError(`${where}: a NUL character cannot be given to a program`)
  for (const variable of [...Object.keys(checked.env ?? {}), ...Object.keys(checked.env_files ?? {})])
    refuseVariable(variable, where)
  const paths = Object.entries(checked.env_files ?? {}).map(([key, path]) => [key, resolve(folder, path)])
  return {
    name: checked.name,
    command: [program, ...args],
    env: checked.env ?? {},
    envFiles: Object.fromEntries(paths) as Record<string, string>,
    upstreams: checked.upstreams ?? null,
    tree: checked.tree,
    successCodes: [...new Set([0, ...checked.success_codes])],
    exitReasons: readReasons(checked.exit_reasons ?? {}, where),
    failOnMatch: readPattern(checked.fail_on_match, { where, key: 'fail_on_match', groups: false }),
    sizePattern: readPattern(checked.size_pattern, { where, key: 'size_pattern', groups: true }),
    memoryMib: checked.memory_mib ?? null,
    container: readContainer(checked.container, where),
  }
}

function readContainer(table: Static<typeof CommandKeys>['container'], where: string): CommandSettings['container'] {
  if (!table) return null
  const { image, runtime = null, volumes = [], user = null, network = null } = table
  for (const volume of volumes)
    if (!/^\/[^:,\0]*:\/[^:,\0]*(:[a-zA-Z,]{1,40})?$/.test(volume))
      throw new ConfigError(
        `${where}: container.volumes: "${volume}" is not of the form /path/here:/path/inside`,
        'Both paths begin with a slash; ":ro" may follow.',
      )
  return { image, runtime, volumes, user, network }
}

/** The value itself is not shown: it may be a secret. */
function refuseOtherThanText(env: unknown, where: string): void {
  if (typeof env !== 'object' || env === null || Array.isArray(env)) return
  const other = Object.entries(env).find(([, value]) => typeof value !== 'string')
  if (other) throw new ConfigError(`${where}: env.${other[0]} must be string`, 'Write its value in quotes.')
}

function refuseBareName(program: string, where: string): void {
  if (isAbsolute(program)) return
  throw new ConfigError(
    `${where}: command must begin with the absolute path of a program, not "${program}"`,
    program.includes('/')
      ? 'Write the path from the root.'
      : `Write the path that "command -v ${program}" prints; what a name alone means depends on PATH.`,
  )
}

function refuseVariable(name: string, where: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name))
    throw new ConfigError(`${where}: "${name}" cannot be the name of a variable`)
  if (/^(KAGAMI|TUNASYNC)_/.test(name))
    throw new ConfigError(
      `${where}: ${name} is set by Kagami for each sync`,
      'Choose another name; those that Kagami sets are in docs/providers/command.md.',
    )
}

function readReasons(table: Readonly<Record<string, FailureReason>>, where: string): Map<number, FailureReason> {
  const codes = Object.entries(table).map(([code, reason]): [number, FailureReason] => {
    const number = /^\d{1,3}$/.test(code) ? Number(code) : 0
    if (number < 1 || number > 255)
      throw new ConfigError(`${where}: exit_reasons.${code}: an exit code is a number from 1 to 255`)
    return [number, reason]
  })
  return new Map(codes)
}

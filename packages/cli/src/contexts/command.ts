// command.ts — kagami context [list] | show | use | add | remove
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import { addressOf, noSuchContext, readContexts, writeContexts, type Context, type Contexts } from './contexts.ts'

interface AddOptions {
  readonly api: string
  readonly tokenFile?: string
  readonly tokenEnv?: string
  readonly protected?: boolean
  readonly replace?: boolean
}

/** Adds `context` and its verbs. */
export function addContext(program: Command): void {
  const context = program.command('context').description('the supervisors you work with, by name')
  context
    .command('list', { isDefault: true })
    .description('all of them; the current one has a *')
    .option('--json', 'print JSON for programs')
    .action(({ json }: { json?: boolean }) => list(readContexts(), json === true))
  context
    .command('show')
    .description('the current one, and the file that has them')
    .action(() => {
      const { file, current, all } = readContexts()
      printTable(
        ['FIELD', 'VALUE'],
        [
          ['file', file],
          ['current', current ?? '-'],
          ...(current === null
            ? []
            : [
                ['api', all[current]!.api],
                ['token', tokenOf(all[current]!)],
              ]),
        ],
      )
    })
  context
    .command('use <NAME>')
    .description('use this one when no other is named')
    .action((name: string) => {
      writeContexts({ ...requireContext(readContexts(), name), current: name })
      process.stdout.write(`Commands now go to ${name}\n`)
    })
  context
    .command('remove <NAME>')
    .description('forget one; the supervisor and the token stay')
    .action((name: string) => {
      const { file, current, all } = requireContext(readContexts(), name)
      const { [name]: _removed, ...rest } = all
      writeContexts({ file, current: current === name ? null : current, all: rest })
      process.stdout.write(`Removed ${name}${current === name ? '; no context is the current one now' : ''}\n`)
    })
  addAdd(context)
}

function addAdd(context: Command): void {
  context
    .command('add <NAME>')
    .description('add one; the first becomes the current one')
    .requiredOption('--api <URL>', 'address of the supervisor')
    .option('--token-file <FILE>', 'file that has the token for writing')
    .option('--token-env <NAME>', 'environment variable that has the token')
    .option('--protected', 'changes need its name: typed, or as --context')
    .option('--replace', 'in place of one of that name')
    .action((name: string, options: AddOptions) => {
      const { file, current, all } = readContexts()
      const added = contextFrom(name, options)
      if (name in all && !options.replace)
        throw new ConfigError(`there is a context ${name} already`, `Add --replace to put this one in its place.`)
      writeContexts({ file, current: current ?? name, all: { ...all, [name]: added } })
      process.stdout.write(`Added ${name}${current === null ? ', the current context' : ''}\n`)
    })
}

function contextFrom(name: string, options: AddOptions): Context {
  if (!/^[\w.-]{1,64}$/.test(name))
    throw new ConfigError(`"${name}" cannot be the name of a context`, 'Use letters, digits, ".", "_" and "-".')
  if (options.tokenFile !== undefined && options.tokenEnv !== undefined)
    throw new ConfigError('a token is in a file or in a variable, not in both')
  const file = options.tokenFile === undefined ? undefined : resolve(options.tokenFile)
  if (file !== undefined && !statSync(file, { throwIfNoEntry: false })?.isFile())
    remark(`warning: ${file} is not there yet`)
  return {
    api: addressOf(options.api, '--api'),
    ...(file === undefined ? {} : { token_file: file }),
    ...(options.tokenEnv === undefined ? {} : { token_env: options.tokenEnv }),
    ...(options.protected ? { protected: true } : {}),
  }
}

const tokenOf = ({ token_file, token_env }: Context): string =>
  token_file !== undefined ? `in ${token_file}` : token_env !== undefined ? `in $${token_env}` : '-'

function list({ current, all }: Contexts, json: boolean): void {
  const rows = Object.entries(all).map(([name, context]) => ({ name, current: name === current, ...context }))
  if (json) return printJson(rows)
  if (rows.length === 0) return remark('No contexts. Add one: kagami context add NAME --api URL')
  printTable(
    ['', 'NAME', 'API', 'TOKEN', 'PROTECTED'],
    rows.map((row) => [row.current ? '*' : ' ', row.name, row.api, tokenOf(row), row.protected ? 'yes' : '-']),
  )
}

function requireContext(contexts: Contexts, name: string): Contexts {
  if (!(name in contexts.all)) throw noSuchContext(contexts, name)
  return contexts
}

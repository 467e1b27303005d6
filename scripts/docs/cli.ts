// cli.ts — docs/cli.md: every command and option, from the tree of commands of the program.
import type { Command, Option } from 'commander'
import { exitCodesInWords } from '../../packages/cli/src/exit-codes.ts'
import { createProgram } from '../../packages/cli/src/program.ts'
import { code, GENERATED, table } from './markdown.ts'

/** The page. */
export function cliReference(): string {
  const program = createProgram()
  // What scripts of shells call is for nobody to type.
  const shown = program.commands.filter((command) => !command.name().startsWith('__'))
  const leaves = shown.flatMap((command) => withChildren(command, 'kagami'))
  const parts = [
    '# Command line',
    GENERATED,
    'Run `npx kagami …` in a checkout, `kagami` or `kagami-cli` where it is installed. Data goes to stdout, ' +
      'everything else to stderr. Give a worker as its name, its id or the unique beginning of its id; a replica as ' +
      '`NAME@WORKER` or id; a sync as its id.',
    'Commands that send requests to a supervisor accept `--api URL` or `--context NAME` (otherwise `KAGAMI_API`, ' +
      '`KAGAMI_CONTEXT`, the current context of `kagami context`, `http://127.0.0.1:21000`, in this order) and ' +
      '`--json`. The token comes from `KAGAMI_TOKEN`, from the file that `KAGAMI_TOKEN_FILE` names, from where the ' +
      'context says, or from the file of a supervisor of the same user on the same machine. It is never an argument.',
    `Exit codes: ${exitCodesInWords()}.`,
    table(
      ['command', 'what it does'],
      leaves.map(({ path, command }) => [code(`${path}${argumentsOf(command)}`), command.description()]),
    ),
    ...leaves.filter(({ command }) => ownOptions(command).length > 0).map(section),
  ]
  return `${parts.join('\n\n')}\n`
}

interface Leaf {
  readonly path: string
  readonly command: Command
}

/** A command, or the commands below it. */
function withChildren(command: Command, parent: string): Leaf[] {
  const path = `${parent} ${[command.name(), ...command.aliases()].join('|')}`
  const below = command.commands.flatMap((child) => withChildren(child, path))
  return below.length > 0 ? below : [{ path, command }]
}

function argumentsOf({ registeredArguments }: Command): string {
  return registeredArguments.map((argument) => ` <${argument.name()}${argument.variadic ? '...' : ''}>`).join('')
}

const SHARED = new Set(['--context', '--api', '--json'])

function ownOptions({ options }: Command) {
  return options.filter((option) => !SHARED.has(option.long ?? ''))
}

function section({ path, command }: Leaf): string {
  const rows = ownOptions(command).map((option) => [code(option.flags), meaningOf(option)])
  return `## ${path}${argumentsOf(command)}\n\n${command.description()}\n\n${table(['option', 'meaning'], rows)}`
}

function meaningOf({ description, defaultValue, mandatory }: Option): string {
  const preset = defaultValue === undefined ? '' : ` (default ${String(defaultValue)})`
  return `${description}${preset}${mandatory ? '; required' : ''}`
}

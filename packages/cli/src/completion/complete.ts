// complete.ts — What may come next on a command line: commands, options, words of options, and names that the
// supervisor knows. Says nothing when it does not know: nobody wants errors between two keys.
import { healthOrder, presets, printable, type Client } from '@kagami/protocol'
import type { Command, Option } from 'commander'
import { readContexts } from '../contexts/contexts.ts'
import { openClient } from '../session.ts'
import { SHELLS } from './scripts.ts'

/** A word, and what it means. */
export interface Candidate {
  readonly word: string
  readonly about: string
}

/** The supervisor has so long to answer, ms. */
const ANSWER_MS = 1000
const NAMES_MAX = 100
/** A shell puts a word on the command line as it is: one that would mean something to it is not offered. */
const PLAIN = /^[\w.@:+-]+$/

/** The words that may stand where `line` ends: in place of its last word, which may be empty. */
export async function completeLine(program: Command, line: string): Promise<Candidate[]> {
  const [, ...words] = line.trimStart().split(/\s+/)
  const partial = words.pop() ?? ''
  const { command, position, pending, api } = walk(program, words)
  const found = pending
    ? await wordsFor(pending.long ?? '', { partial, api })
    : partial.startsWith('-')
      ? optionsOf(command)
      : [...commandsOf(command), ...(await wordsFor(argumentAt(command, position), { partial, api }))]
  return found
    .filter(({ word }) => word.startsWith(partial) && PLAIN.test(word))
    .map(({ word, about }) => ({ word, about: printable(about).replaceAll(/\s+/g, ' ') }))
}

interface Place {
  readonly command: Command
  /** How many arguments there were already. */
  readonly position: number
  /** The option whose value comes next. */
  readonly pending: Option | null
  readonly api: { api?: string; context?: string }
}

/** Where the words lead to in the tree of commands. */
function walk(program: Command, words: readonly string[]): Place {
  let command = program
  let position = 0
  let pending: Option | null = null
  const api: Record<string, string> = {}
  for (const word of words) {
    if (pending) {
      if (pending.long === '--api' || pending.long === '--context') api[pending.long.slice(2)] = word
      pending = null
    } else if (word.startsWith('-')) {
      const option = command.options.find(({ long, short }) => long === word || short === word)
      pending = option && (option.required || option.optional) ? option : null
    } else {
      const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
      if (child) [command, position] = [child, 0]
      else position++
    }
  }
  return { command, position, pending, api }
}

const isHidden = (command: Command) => command.name().startsWith('__')

const commandsOf = (command: Command): Candidate[] =>
  command.commands
    .filter((child) => !isHidden(child))
    .flatMap((child) => [child.name(), ...child.aliases()].map((word) => ({ word, about: child.description() })))

const optionsOf = (command: Command): Candidate[] =>
  [...command.options, ...defaultOf(command)].flatMap(({ long, description }) =>
    long ? [{ word: long, about: description }] : [],
  )

/** A noun alone lists: what `list` takes follows it too. */
const defaultOf = (command: Command): readonly Option[] =>
  command.commands.find((child) => child.name() === 'list')?.options ?? []

/** The name of the argument at a position; the last one may be repeated. */
function argumentAt(command: Command, position: number): string {
  const own = command.registeredArguments
  return (own[position] ?? own.findLast((argument) => argument.variadic))?.name() ?? ''
}

interface Asked {
  readonly partial: string
  readonly api: { api?: string; context?: string }
}

/** The words for an option or an argument of this name. */
async function wordsFor(name: string, { partial, api }: Asked): Promise<Candidate[]> {
  const plain = (words: readonly string[]) => words.map((word) => ({ word, about: '' }))
  if (name === '--health' || name === '--fail-on') return plain(healthOrder)
  if (name === '--context') return plain(Object.keys(readContexts().all))
  if (name === '--preset' || name === 'PRESET') return presets.map(({ id, title }) => ({ word: id, about: title }))
  if (name === 'SHELL') return plain(SHELLS)
  const ask = NAMES[name]
  if (!ask) return []
  // The shell waits until this program has ended, so the request must end too.
  return ask({ client: openClient(api), partial, signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => [])
}

interface Question {
  readonly client: Client
  readonly partial: string
  readonly signal: AbortSignal
}

const NAMES: Record<string, (question: Question) => Promise<Candidate[]>> = {
  WORKER: workers,
  '--worker': workers,
  REPLICA: replicas,
  MIRROR: async (question) => (question.partial.includes('@') ? replicas(question) : mirrors(question)),
  NAME: mirrors,
}

async function workers({ client, partial: q, signal }: Question): Promise<Candidate[]> {
  const { items } = await client.call('listWorkers', { query: { q, limit: NAMES_MAX }, signal })
  return items.map(({ name, admission }) => ({ word: name, about: admission }))
}

async function mirrors({ client, partial: q, signal }: Question): Promise<Candidate[]> {
  const { items } = await client.call('listResources', { query: { q, limit: NAMES_MAX }, signal })
  return items.map(({ name, replicas_total: n }) => ({ word: name, about: `${n} ${n === 1 ? 'copy' : 'copies'}` }))
}

async function replicas({ client, partial, signal }: Question): Promise<Candidate[]> {
  const [q = ''] = partial.split('@')
  const { items } = await client.call('listReplicas', { query: { q, sort: 'name', limit: NAMES_MAX }, signal })
  return items.map(({ name, worker_name, health }) => ({ word: `${name}@${worker_name}`, about: health }))
}

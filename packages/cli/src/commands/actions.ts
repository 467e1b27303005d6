// actions.ts — kagami actions [list] | cancel: decisions that the supervisor holds for some seconds; and how other
// commands have theirs held.
import { heldSeconds, HELD_MAX_SECONDS, subjectOf, type Client, type HeldDecision } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { wholeNumber } from '../numbers.ts'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { due } from '../words.ts'
import { apiCommand } from './api.ts'

/** Options of a command whose decision can be held. */
export interface HoldOptions extends ApiOptions {
  hold?: string
}

/** A decision, and how it is carried out at once. */
export interface Decision {
  readonly action: HeldDecision
  readonly target: string
  readonly reason?: string | null
  /** Whether a person was just asked: then it is held unless --hold says otherwise. */
  readonly asked: boolean
  atOnce(): Promise<void>
}

/** Adds `actions` and its verbs. */
export function addActions(program: Command): void {
  const actions = program.command('actions').description('decisions that are held for some seconds: list, cancel')
  apiCommand<ApiOptions>(
    actions,
    'list',
    'those that are held now, the next one first',
    async ({ client, options }) => {
      const held = await client.call('listActions')
      if (options.json) return printJson(held)
      if (held.length === 0) return remark('No decision is held.')
      printTable(
        ['ID', 'ACTION', 'TARGET', 'IN', 'BY', 'REASON'],
        held.map((one) => [
          one.action_id,
          one.action.replace('_', ' '),
          subjectOf(one),
          due(one.executes_at),
          one.requested_by,
          one.reason ?? '-',
        ]),
      )
    },
  )
  apiCommand<ApiOptions>(
    actions,
    'cancel <ID...>',
    'take decisions back that are still held: nothing changes',
    async ({ client, options, args }) => {
      for (const id of args) {
        await client.call('cancelAction', { params: { id } })
        if (options.json) printJson({ action_id: id, cancelled: true })
        else process.stdout.write(`Cancelled ${id}: nothing changes\n`)
      }
    },
  )
}

/** Adds --hold to a command. */
export function addHold(command: Command, usual: string): Command {
  return command.option('--hold <SECONDS>', `do it after so long; until then it can be cancelled (${usual})`)
}

function holdOf(text: string): number {
  const seconds = wholeNumber('--hold', text)
  if (seconds > HELD_MAX_SECONDS) throw new ConfigError(`--hold: at most ${HELD_MAX_SECONDS} seconds, not ${seconds}`)
  return seconds
}

/** Carries out a decision at once, or has the supervisor hold it and says how to take it back. */
export async function holdOrDo(client: Client, options: HoldOptions, decision: Decision): Promise<void> {
  const { action, target, reason = null, asked } = decision
  const usual = asked ? heldSeconds[action] : 0
  const seconds = options.hold === undefined ? usual : holdOf(options.hold)
  if (seconds === 0) return decision.atOnce()
  const held = await client.call('holdAction', { body: { action, target, reason, hold_secs: seconds } })
  if (options.json) return printJson(held)
  process.stdout.write(
    `${action.replace('_', ' ')} ${subjectOf(held)} in ${seconds} s. Cancel: kagami actions cancel ${held.action_id}\n`,
  )
}

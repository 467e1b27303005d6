// supervisor.ts — kagami supervisor approve | terminate: the seed's two verbs, with the seed's words.
import type { Command } from 'commander'
import { apiCommand } from './api.ts'

/** Adds `supervisor`. */
export function addSupervisor(program: Command): void {
  const supervisor = program
    .command('supervisor')
    .description('approve and terminate workers by id (see also: kagami workers)')
  apiCommand(supervisor, 'approve <ID>', 'let a worker sync', async ({ client, args: [id = ''] }) => {
    await client.call('approve', { params: { id } })
    process.stdout.write(`Approved ${id}\n`)
  })
  apiCommand(supervisor, 'terminate <ID>', 'end a worker and forget it', async ({ client, args: [id = ''] }) => {
    await client.call('terminate', { params: { id } })
    process.stdout.write(`Terminated ${id}\n`)
  })
}

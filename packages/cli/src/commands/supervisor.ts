// supervisor.ts — kagami supervisor approve | terminate: the two commands of v0, with its output.
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
  apiCommand(supervisor, 'terminate <ID>', 'remove a worker from the fleet', async ({ client, args: [id = ''] }) => {
    await client.call('terminate', { params: { id } })
    process.stdout.write(`Terminated ${id}\n`)
  })
}

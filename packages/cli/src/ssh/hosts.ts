// hosts.ts — kagami workers hosts [list] | add | remove: the hosts whose ssh keys the worker on this machine believes.
import { ConfigError } from '@kagami/runtime/config'
import type { HostKey } from '@kagami/worker'
import type { Command } from 'commander'
import { confirmTyped } from '../confirm.ts'
import { printJson, printTable, remark } from '../output.ts'
import { configHere, here, type HereOptions } from '../commands/folders.ts'

interface AddOptions extends HereOptions {
  fingerprint?: string[]
  yes?: boolean
}

/** Adds `hosts` and its verbs to `workers`. */
export function addHostsOf(workers: Command): void {
  const hosts = workers
    .command('hosts')
    .description('hosts whose ssh keys the worker on this machine believes: list, add, remove')
  const list = hosts.command('list', { isDefault: true }).description('those that were accepted')
  here(list.option('--json', 'print JSON for programs')).action(listHere)
  const add = hosts
    .command('add <HOST>')
    .description('show the keys of a host, HOST or HOST:PORT, and accept them')
    .option('--json', 'print JSON for programs')
    .option(
      '--fingerprint <SHA256:…>',
      'accept only the key with this fingerprint; may be repeated',
      (value: string, all: string[] | undefined) => [...(all ?? []), value],
    )
    .option('--yes', 'accept what the host shows without asking')
  here(add)
    .action(addHere)
    .addHelpText(
      'after',
      `
Whoever is between this machine and the host can show a key of their own: compare the fingerprint with the one that the
upstream publishes. Only on the machine of the worker.

Examples:
  kagami workers hosts add git.example.org
  kagami workers hosts add git.example.org:2222 --fingerprint SHA256:…`,
    )
  const remove = hosts.command('remove <HOST>').description('forget the keys of a host')
  here(remove.option('--json', 'print JSON for programs')).action(removeHere)
}

async function listHere(options: HereOptions): Promise<void> {
  const { listHosts } = await import('@kagami/worker')
  const keys = listHosts(await configHere(options))
  if (options.json) return printJson(keys.map(shown))
  if (keys.length === 0) return remark('No key of a host was accepted: kagami workers hosts add HOST.')
  printKeys(keys)
}

async function addHere(written: string, options: AddOptions): Promise<void> {
  const { addHosts, scanHost } = await import('@kagami/worker')
  const config = await configHere(options)
  const keys = await scanHost(written, config)
  const { fingerprint = [] } = options
  const chosen = fingerprint.length === 0 ? keys : keys.filter((key) => fingerprint.includes(key.fingerprint))
  if (chosen.length === 0)
    throw new ConfigError(
      `${written} shows ${keys.map((key) => key.fingerprint).join(', ')}, none of which was given; nothing was changed`,
      'Ask the operators of the upstream for its key. If theirs is the one you gave, somebody is between.',
    )
  if (!options.json) printKeys(chosen)
  if (fingerprint.length === 0 && !options.yes)
    await confirmTyped({
      question: 'Compare with what the upstream publishes. Accept? [yes] ',
      answer: 'yes',
      what: 'accepting the key of a host',
      instead: `kagami workers hosts add ${written} --fingerprint ${chosen[0]?.fingerprint ?? 'SHA256:…'}`,
    })
  const added = addHosts(config, chosen)
  if (options.json) return printJson(added.map(shown))
  remark(
    added.length === 0 ? 'All of them were accepted before.' : `Accepted ${added.length}; syncs know them at once.`,
  )
}

async function removeHere(written: string, options: HereOptions): Promise<void> {
  const { removeHost } = await import('@kagami/worker')
  const removed = removeHost(await configHere(options), written)
  if (options.json) return printJson(removed.map(shown))
  if (removed.length === 0)
    throw new ConfigError(`no key of ${written} was accepted; nothing was changed`, 'kagami workers hosts lists them.')
  process.stdout.write(`Forgot ${removed.length} of ${written}.\n`)
}

function printKeys(keys: readonly HostKey[]): void {
  printTable(
    ['HOST', 'TYPE', 'FINGERPRINT'],
    keys.map(({ host, type, fingerprint }) => [host, type, fingerprint]),
  )
}

const shown = ({ host, type, fingerprint }: HostKey) => ({ host, type, fingerprint })

// nats.ts — kagami nats init | certificate | token | tokens: a NATS on which no worker can act for another.
import type { JoinToken } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import type { Initialised, InitOptions } from '../nats/init.ts'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { due } from '../words.ts'
import { apiCommand } from './api.ts'

interface TokenOptions extends ApiOptions {
  expires: string
  uses: string
  worker?: string
}

/** Adds `nats` and its verbs. */
export function addNats(program: Command): void {
  const nats = program
    .command('nats')
    .description('lock NATS: accounts and keys, certificates, join tokens for workers')
  addInit(nats)
  nats
    .command('certificate')
    .description('a new certificate for the server: other host names, or a later end')
    .option('--dir <DIR>', 'directory that `nats init` wrote', 'kagami-nats')
    .requiredOption('--host <HOSTS...>', 'names and addresses workers and supervisors reach the server by')
    .action(async ({ dir, host }: { dir: string; host: string[] }) => {
      const { renewCertificate } = await import('../nats/init.ts')
      await renewCertificate(dir, host)
      remark(
        'Wrote server/server.pem and server/server.key. To have the running server take them: nats-server ' +
          '--signal reload',
      )
    })
  apiCommand<TokenOptions>(
    nats,
    'token',
    'make a join token, with which a new worker gets credentials; printed once',
    async ({ client, options }) => {
      const body = {
        expires_secs: secondsOf(options.expires),
        uses: wholeOf(options.uses),
        worker_id: options.worker ?? null,
      }
      const made = await client.call('makeJoinToken', { body })
      if (options.json) return printJson(made)
      process.stdout.write(`${made.token}\n`)
      remark(
        `Good for ${made.uses} worker${made.uses === 1 ? '' : 's'} until ${made.expires_at}; it is not shown ` +
          'again. Give it to a worker as KAGAMI_JOIN_TOKEN, or in a file named by KAGAMI_JOIN_TOKEN_FILE.',
      )
    },
  )
    .option('--expires <TIME>', 'how long it is good: 30m, 24h, 7d', '24h')
    .option('--uses <N>', 'how many workers may use it', '1')
    .option('--worker <ID>', 'the only worker id that may use it')
  addTokens(nats)
}

function addInit(nats: Command) {
  nats
    .command('init')
    .description('write configuration, keys and certificates for a locked nats-server')
    .option('--dir <DIR>', 'directory to make', 'kagami-nats')
    .option(
      '--host <HOSTS...>',
      'names and addresses workers and supervisors reach the server by (default: the name of this machine)',
    )
    .option('--port <PORT>', 'port of the server', '4222')
    .option('--listen <ADDRESS>', 'address the server listens on', '0.0.0.0')
    .option('--monitor <ADDRESS>', 'where the server tells its health and numbers', '127.0.0.1:8222')
    .option('--server <PROGRAM>', 'nats-server the configuration is for (default: the one on PATH)')
    .option('--server-version <VERSION>', 'its version, when the program is not here')
    .option(
      '--mounted-at <DIR>',
      'where the server will see the directory `server`, when that is elsewhere (a container)',
    )
    .action(async (options: InitOptions) => {
      const { initNats } = await import('../nats/init.ts')
      process.stdout.write(explain(await initNats(options)))
    })
}

function addTokens(nats: Command) {
  const tokens = nats.command('tokens').description('join tokens: list, remove')
  apiCommand<ApiOptions>(
    tokens,
    'list',
    'all join tokens, newest first; without their secrets',
    async ({ client, options }) => {
      const found = await client.call('listJoinTokens')
      if (options.json) return printJson(found)
      if (found.length === 0) return remark('No join tokens. Make one: kagami nats token')
      printTable(
        ['ID', 'USED', 'WORKER', 'EXPIRES', 'MADE BY'],
        found.map((token: JoinToken) => [
          token.id,
          `${token.used}/${token.uses}`,
          token.worker_id ?? 'any',
          due(token.expires_at) === 'now' ? 'expired' : due(token.expires_at),
          token.made_by,
        ]),
      )
    },
  )
  apiCommand<ApiOptions>(
    tokens,
    'remove <ID>',
    'withdraw a join token; workers that used it stay',
    async ({ client, options, args: [id = ''] }) => {
      await client.call('removeJoinToken', { params: { id } })
      if (options.json) printJson({ id, removed: true })
      else process.stdout.write(`Removed ${id}\n`)
    },
  )
}

function explain({ dir, url, configuration, version }: Initialised): string {
  return `
A locked NATS was written to ${dir}
  server/          for nats-server: its configuration, certificate and key; it keeps its store there
  supervisor.json  for the supervisor: whoever holds it decides about the whole fleet
  keys/            the root keys; nobody needs them day to day
The configuration is for ${version ? `nats-server ${version}` : 'any nats-server from 2.9.10 on; from 2.10 ' + 'on give ' + '--server-version, and ' + 'it also ' + 'flushes ' + 'before it ' + 'acknowledges'}.

1. Start it           nats-server -c ${configuration}
2. The supervisor     SUPERVISOR_NATS_CREDENTIALS=${dir}/supervisor.json kagami run supervisor
                      It reaches NATS at ${url}; KAGAMI_NATS_URL says otherwise.
3. Each new worker    kagami nats token      gives a line; start the worker with it:
                      KAGAMI_JOIN_TOKEN=… kagami run worker --data-dir DIR --config worker.toml
                      kagami workers approve NAME      unless workers are approved by themselves
4. Back up            supervisor.json and keys/. Then take keys/ off this machine: whoever has it can make credentials for everything.
`
}

/** `30m`, `24h`, `7d`, or a number of seconds. */
function secondsOf(text: string): number {
  const match = /^(\d{1,9})(s|m|h|d)?$/.exec(text.trim())
  if (!match) throw new ConfigError(`--expires: must be a time such as 30m, 24h or 7d, not "${text}"`)
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[(match[2] ?? 's') as 's']
}

function wholeOf(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new ConfigError(`--uses: must be a whole number, not "${text}"`)
  return Number(text)
}

// nats.ts — kagami nats init | certificate | token | tokens: a NATS on which no worker can act as another one.
import type { JoinToken } from '@kagami/protocol'
import type { Command } from 'commander'
import type { Initialised, InitOptions } from '../nats/init.ts'
import { lengthOfTime, wholeNumber } from '../numbers.ts'
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
    .description('new certificate for the server: other host names, or a later expiry date')
    .option('--dir <DIR>', 'directory that `nats init` wrote', 'kagami-nats')
    .requiredOption('--host <HOSTS...>', 'host names and addresses by which the server is reached')
    .action(async ({ dir, host }: { dir: string; host: string[] }) => {
      const { renewCertificate } = await import('../nats/init.ts')
      await renewCertificate(dir, host)
      remark(
        'Wrote server/server.pem and server/server.key. To load them into the running server: ' +
          'nats-server --signal reload',
      )
    })
  apiCommand<TokenOptions>(
    nats,
    'token',
    'create a join token, with which a new worker gets its credentials; printed once',
    async ({ client, options }) => {
      const body = {
        expires_secs: lengthOfTime('--expires', options.expires),
        uses: wholeNumber('--uses', options.uses),
        worker_id: options.worker ?? null,
      }
      const made = await client.call('makeJoinToken', { body })
      if (options.json) return printJson(made)
      process.stdout.write(`${made.token}\n`)
      remark(
        `Valid for ${made.uses} worker${made.uses === 1 ? '' : 's'} until ${made.expires_at}; not shown again. ` +
          'Give it to a worker in KAGAMI_JOIN_TOKEN, or in a file that KAGAMI_JOIN_TOKEN_FILE names.',
      )
    },
  )
    .option('--expires <TIME>', 'how long it is valid: 30m, 24h, 7d', '24h')
    .option('--uses <N>', 'how many workers may use it', '1')
    .option('--worker <ID>', 'the only worker id that may use it')
  addTokens(nats)
}

function addInit(nats: Command) {
  nats
    .command('init')
    .description('write configuration, keys and certificates for a locked nats-server')
    .option('--dir <DIR>', 'directory to create', 'kagami-nats')
    .option(
      '--host <HOSTS...>',
      'host names and addresses by which the server is reached (default: the name of this machine)',
    )
    .option('--port <PORT>', 'port of the server', '4222')
    .option('--listen <ADDRESS>', 'address the server listens on', '0.0.0.0')
    .option('--monitor <ADDRESS>', 'address where the server serves its health and metrics', '127.0.0.1:8222')
    .option('--server <PROGRAM>', 'nats-server that will run (default: the one on PATH)')
    .option('--server-version <VERSION>', 'its version, when the program is not on this machine')
    .option(
      '--mounted-at <DIR>',
      'path of the directory `server` as nats-server sees it, when that is another one (a container)',
    )
    .action(async (options: InitOptions) => {
      const { initNats } = await import('../nats/init.ts')
      process.stdout.write(nextSteps(await initNats(options)))
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
      if (found.length === 0) return remark('No join tokens. Create one: kagami nats token')
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
    'remove a join token; workers that used it stay in the fleet',
    async ({ client, options, args: [id = ''] }) => {
      await client.call('removeJoinToken', { params: { id } })
      if (options.json) printJson({ id, removed: true })
      else process.stdout.write(`Removed ${id}\n`)
    },
  )
}

function nextSteps({ dir, url, configuration, version }: Initialised): string {
  return `
A locked NATS was written to ${dir}
  server/          for nats-server: its configuration, certificate and key; its data is stored there too
  supervisor.json  for the supervisor: whoever has it controls the whole fleet
  keys/            the root keys; not needed in daily operation
${version ? `The configuration is for nats-server ${version}.` : ANY_VERSION}

1. Start it           nats-server -c ${configuration}
2. The supervisor     SUPERVISOR_NATS_CREDENTIALS=${dir}/supervisor.json kagami run supervisor
                      It reaches NATS at ${url}; KAGAMI_NATS_URL overrides that.
3. Each new worker    kagami nats token      prints a token; start the worker with it:
                      KAGAMI_JOIN_TOKEN=… kagami run worker --data-dir DIR --config worker.toml
                      kagami workers approve NAME      unless workers are approved automatically
4. Back up            supervisor.json and keys/. Then move keys/ off this machine: whoever has it can create
                      credentials for everything.
`
}

const ANY_VERSION = `The configuration is for any nats-server from 2.9.10 on. For 2.10 or newer give --server-version:
then the server also flushes to disk before it acknowledges.`

// command.ts — kagami tokens [list] | create | remove | whoami: who else may use this supervisor, and for what.
import { describeScope, roles, type AccessToken, type Role, type Session } from '@kagami/protocol'
import { Option, type Command } from 'commander'
import { apiCommand } from '../commands/api.ts'
import { confirmTyped } from '../confirm.ts'
import { pairsOf } from '../given.ts'
import { lengthOfTime } from '../numbers.ts'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, due } from '../words.ts'

interface CreateOptions extends ApiOptions {
  role: Role
  label?: string[]
  expires?: string
}

/** Adds `tokens` and its verbs. */
export function addTokens(program: Command): void {
  const tokens = program
    .command('tokens')
    .description('access tokens: with a name, a role, a scope and an end: list, create, remove, whoami')
  apiCommand<ApiOptions>(tokens, 'list', 'all access tokens by name, without their secrets', async (call) => {
    const found = await call.client.call('listAccessTokens')
    if (call.options.json) return printJson(found)
    if (found.length === 0)
      return remark('No access tokens but that of the supervisor itself. Create one: kagami tokens create NAME')
    printTable(['NAME', 'ROLE', 'SCOPE', 'EXPIRES', 'LAST USED', 'MADE BY', 'ID'], found.map(rowOf))
  })
  addCreate(tokens)
  addRemove(tokens)
  apiCommand<ApiOptions>(
    tokens,
    'whoami',
    'who one is here, by the token that is sent',
    async ({ client, options }) => {
      const session = await client.call('session')
      if (options.json) return printJson(session)
      printTable(['FIELD', 'VALUE'], whoOf(session))
    },
  )
}

function addCreate(tokens: Command): void {
  apiCommand<CreateOptions>(
    tokens,
    'create <NAME>',
    'create an access token; it is printed once',
    async ({ client, options, args: [name = ''] }) => {
      const expires_secs = options.expires === undefined ? null : lengthOfTime('--expires', options.expires)
      const body = { name, role: options.role, scope: pairsOf(options.label), expires_secs }
      const made = await client.call('makeAccessToken', { body })
      if (options.json) return printJson(made)
      process.stdout.write(`${made.token}\n`)
      remark(
        `${made.name} has the role ${made.role}${scopeWords(made)}, ${untilWords(made)}. Not shown again: keep it in ` +
          'a file that KAGAMI_TOKEN_FILE or a context names.',
      )
    },
  )
    .addOption(new Option('--role <ROLE>', 'what it may do').choices(roles).default('operator'))
    .option('--label <KEY=VALUE...>', 'it may write only to replicas with these labels')
    .option('--expires <TIME>', 'how long it is valid: 12h, 30d (default: until it is removed)')
    .addHelpText(
      'after',
      `
Examples:
  kagami tokens create li --role operator
  kagami tokens create kernel-ci --label team=kernel --expires 90d
  kagami tokens create backup --role viewer --json`,
    )
}

function addRemove(tokens: Command): void {
  apiCommand<ApiOptions & { yes?: boolean }>(
    tokens,
    'remove <TOKEN>',
    'remove an access token, by name or id: it is refused at once',
    async ({ client, options, args: [id = ''] }) => {
      if (!options.yes)
        await confirmTyped({
          question: `Whoever uses the access token ${id} is refused at once.\nType its name to remove it: `,
          answer: id,
          what: 'removing an access token',
          instead: `kagami tokens remove ${id} --yes`,
        })
      await client.call('removeAccessToken', { params: { id } })
      if (options.json) printJson({ id, removed: true })
      else process.stdout.write(`Removed ${id}\n`)
    },
  ).option('--yes', 'do not ask')
}

function rowOf(token: AccessToken): string[] {
  const expires = token.expires_at === null ? 'never' : due(token.expires_at)
  return [
    token.name,
    token.role,
    describeScope(token.scope) || 'everything',
    expires === 'now' ? 'expired' : expires,
    token.last_used_at === null ? 'never' : age(token.last_used_at),
    token.made_by,
    token.token_id,
  ]
}

const scopeWords = ({ scope }: Pick<AccessToken, 'scope'>): string =>
  Object.keys(scope).length === 0 ? '' : `, and writes only to replicas with ${describeScope(scope)}`

const untilWords = ({ expires_at }: Pick<AccessToken, 'expires_at'>): string =>
  expires_at === null ? 'until it is removed' : `until ${expires_at}`

function whoOf({ auth, name, role, scope = {}, expires_at }: Session): string[][] {
  if (auth === 'none') return [['who', 'anyone: this supervisor has authentication off']]
  if (!role) return [['who', 'nobody: no token was sent, or a wrong one. Reading needs none']]
  return [
    ['who', name ?? '-'],
    ['role', role],
    ['scope', describeScope(scope) || 'everything'],
    ['valid until', expires_at ?? 'it is removed'],
  ]
}

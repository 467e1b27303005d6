// session.ts — Which supervisor a command talks to, and with which token. Tokens come from files and the environment,
// never from arguments, which other users can see.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createClient, type Client } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import { homeDirectory } from '@kagami/runtime/home'
import { chooseContext, type Context } from './contexts/contexts.ts'
import { createContextClient } from './contexts/protect.ts'

export interface ApiOptions {
  readonly api?: string | undefined
  readonly context?: string | undefined
  readonly json?: boolean | undefined
}

const DEFAULT_API = 'http://127.0.0.1:21000'

/** The client of a command: `--api` or `--context`, else `KAGAMI_API`, else the current context, else this machine. */
export function openClient(options: ApiOptions, env: NodeJS.ProcessEnv = process.env): Client {
  if (options.api !== undefined && options.context !== undefined)
    throw new ConfigError('--api and --context both say which supervisor to use: give one of them')
  const named = options.api ?? (options.context === undefined ? env['KAGAMI_API'] : undefined)
  const context = named === undefined ? chooseContext(options.context, env) : null
  const baseUrl = (named ?? context?.api ?? DEFAULT_API).replace(/\/+$/, '')
  const token = (context && tokenOfContext(context, env)) ?? findToken(baseUrl, env)
  const client = createClient({ baseUrl, token: () => token })
  return context ? createContextClient(client, context) : client
}

/** `KAGAMI_TOKEN`, or the file that `KAGAMI_TOKEN_FILE` names. */
function tokenFromEnvironment(env: NodeJS.ProcessEnv): string | null {
  return env['KAGAMI_TOKEN'] || (env['KAGAMI_TOKEN_FILE'] ? readToken(env['KAGAMI_TOKEN_FILE']) : null)
}

/** The token of a context; it is sent to no other supervisor. */
function tokenOfContext({ token_file, token_env }: Context, env: NodeJS.ProcessEnv): string | null {
  const given = tokenFromEnvironment(env)
  if (given) return given
  if (token_env !== undefined) return env[token_env] || null
  return token_file === undefined ? null : readToken(token_file)
}

/** `KAGAMI_TOKEN`, the file `KAGAMI_TOKEN_FILE` names, or the token file of this user's supervisor on this machine. */
export function findToken(baseUrl: string, env: NodeJS.ProcessEnv): string | null {
  const given = tokenFromEnvironment(env)
  if (given) return given
  const url = URL.parse(baseUrl)
  const local = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  const port = url?.port || (url?.protocol === 'https:' ? '443' : '80')
  const state = env['XDG_STATE_HOME'] || join(homeDirectory(), '.local', 'state')
  const files = local ? [join(state, 'kagami', `api-token-${port}`), join('.kagami', 'api-token'), 'api-token'] : []
  for (const file of files) {
    const text = readToken(file)
    if (text) return text
  }
  return null
}

function readToken(file: string): string | null {
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      process.stderr.write(`warning: ${file} can be read by others; chmod 600 it\n`)
    return readFileSync(file, 'utf8').trim() || null
  } catch {
    return null
  }
}

// session.ts — Which supervisor a command talks to, and with which token. Tokens come from files and the environment,
// never from arguments, which other users can see.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createClient, type Client } from '@kagami/protocol'
import { homeDirectory } from '@kagami/runtime/home'

export interface ApiOptions {
  readonly api?: string | undefined
  readonly json?: boolean | undefined
}

const DEFAULT_API = 'http://127.0.0.1:21000'

/** The client of a command: `--api`, else `KAGAMI_API`, else this machine. */
export function openClient(options: ApiOptions, env: NodeJS.ProcessEnv = process.env): Client {
  const baseUrl = (options.api ?? env['KAGAMI_API'] ?? DEFAULT_API).replace(/\/+$/, '')
  const token = findToken(baseUrl, env)
  return createClient({ baseUrl, token: () => token })
}

/** `KAGAMI_TOKEN`, the file `KAGAMI_TOKEN_FILE` names, or the token file of this user's supervisor on this machine. */
export function findToken(baseUrl: string, env: NodeJS.ProcessEnv): string | null {
  if (env['KAGAMI_TOKEN']) return env['KAGAMI_TOKEN']
  const url = URL.parse(baseUrl)
  const local = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  const port = url?.port || (url?.protocol === 'https:' ? '443' : '80')
  const state = env['XDG_STATE_HOME'] || join(homeDirectory(), '.local', 'state')
  const files = [
    env['KAGAMI_TOKEN_FILE'],
    ...(local ? [join(state, 'kagami', `api-token-${port}`), join('.kagami', 'api-token'), 'api-token'] : []),
  ]
  for (const file of files) {
    const text = file ? readToken(file) : null
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

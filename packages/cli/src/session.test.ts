// session.test.ts — Which supervisor a command talks to, and where its token comes from.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findToken, openClient } from './session.ts'
import { startApi } from './testing/api-server.ts'
import { runKagami } from './testing/run-kagami.ts'
import { aPage, aSummary } from './testing/samples.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-session-'))
afterAll(() => rmSync(dir, { recursive: true }))

function tokenFile(path: string, text: string, mode = 0o600): string {
  const file = join(dir, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}
const state = { XDG_STATE_HOME: join(dir, 'state'), HOME: dir }
tokenFile('state/kagami/api-token-21000', 'kgm_of_21000\n')
tokenFile('state/kagami/api-token-443', 'kgm_of_443\n')

describe('the supervisor', () => {
  it('is that of --api, then of KAGAMI_API, then the one on this machine', () => {
    const urlOf = (api?: string, env = {}) => openClient({ api }, { ...state, ...env }).baseUrl
    expect(urlOf('https://mirrors.example.org/', { KAGAMI_API: 'http://other' })).toBe('https://mirrors.example.org')
    expect(urlOf(undefined, { KAGAMI_API: 'http://other:1//' })).toBe('http://other:1')
    expect(urlOf()).toBe('http://127.0.0.1:21000')
  })
})

describe('the token', () => {
  const local = 'http://127.0.0.1:21000'
  it('is that of KAGAMI_TOKEN before that of a file', () => {
    const KAGAMI_TOKEN_FILE = tokenFile('mine', '  kgm_of_file \n')
    expect(findToken(local, { ...state, KAGAMI_TOKEN: 'kgm_of_env', KAGAMI_TOKEN_FILE })).toBe('kgm_of_env')
    expect(findToken(local, { ...state, KAGAMI_TOKEN_FILE })).toBe('kgm_of_file')
  })
  it('is what a supervisor of this user left for its port', () => {
    expect(findToken(local, state)).toBe('kgm_of_21000')
    expect(findToken('https://localhost', state)).toBe('kgm_of_443')
    expect(findToken('http://127.0.0.1:1', state)).toBeNull()
  })
  it('of this machine is sent nowhere else', () =>
    expect(findToken('http://mirrors.example.org:21000', state)).toBeNull())
  it('is missing when its file is missing or empty', () => {
    expect(findToken('http://far', { ...state, KAGAMI_TOKEN_FILE: join(dir, 'nowhere') })).toBeNull()
    expect(findToken('http://far', { ...state, KAGAMI_TOKEN_FILE: tokenFile('empty', '\n') })).toBeNull()
  })
  it.each([0o640, 0o604, 0o644])('in a file that others can read (%i) is used with a warning', async (mode) => {
    const KAGAMI_TOKEN_FILE = tokenFile(`open-${mode}`, 'kgm_open', mode)
    const { code, stderr } = await runKagami('status --api http://127.0.0.1:2', { KAGAMI_TOKEN_FILE })
    expect(code).toBe(6)
    expect(stderr).toContain(`warning: ${KAGAMI_TOKEN_FILE} can be read by others; chmod 600 it`)
    expect(stderr).not.toContain('kgm_open')
  })
  it('in a file of its owner alone is used without one, and sent', async () => {
    const api = await startApi({ summary: () => aSummary(), listWorkers: () => aPage() })
    const { stderr } = await runKagami('status', { ...api.env, KAGAMI_TOKEN_FILE: tokenFile('kept', 'kgm_kept') })
    expect([stderr, api.asked[0]?.authorization]).toEqual(['', 'Bearer kgm_kept'])
  })
})

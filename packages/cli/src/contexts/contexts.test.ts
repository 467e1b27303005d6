// contexts.test.ts — kagami context, and which supervisor and token the other commands use by it.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runOnTerminal } from '../testing/on-terminal.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, aReplica, aSummary } from '../testing/samples.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-contexts-'))
const file = join(dir, 'kagami', 'config.toml')
const api = await startApi({
  summary: () => aSummary(),
  listWorkers: () => aPage(),
  getReplica: () => aReplica(),
  pauseReplica: () => undefined,
  startBulk: () => ({ matching: 0, names: [], workers: 0, last_copies: [], last_copies_total: 0, job: null }),
})
const env = { XDG_CONFIG_HOME: dir }
const run = (line: string, more = {}) => runKagami(line, { ...env, ...more })
const tokenFile = join(dir, 'token')
writeFileSync(tokenFile, 'kgm_of_prod\n', { mode: 0o600 })
const lastToken = () => api.asked.at(-1)?.authorization

beforeEach(() => rmSync(file, { force: true }))
afterAll(() => rmSync(dir, { recursive: true }))

describe('kagami context', () => {
  it('says how to add one when there is none', async () => {
    expect((await run('context')).stderr).toBe('No contexts. Add one: kagami context add NAME --api URL\n')
  })
  it('adds, lists, uses and removes them; the first one is the current one', async () => {
    expect((await run(`context add prod --api ${api.url}/ --token-file ${tokenFile} --protected`)).stdout).toBe(
      'Added prod, the current context\n',
    )
    expect((await run('context add test --api http://127.0.0.1:9 --token-env TEST_TOKEN')).stdout).toBe('Added test\n')
    const rows = (await run('context')).stdout.split('\n').map((line) => line.split(/ {2,}/))
    expect(rows).toEqual([
      ['', 'NAME', 'API', 'TOKEN', 'PROTECTED'],
      ['*', 'prod', api.url, `in ${tokenFile}`, 'yes'],
      ['', 'test', 'http://127.0.0.1:9', 'in $TEST_TOKEN', '-'],
      [''],
    ])
    expect((await run('context use test')).stdout).toBe('Commands now go to test\n')
    expect((await run('context show')).stdout).toMatch(/current +test\n/)
    expect((await run('context remove test')).stdout).toBe('Removed test; no context is the current one now\n')
    expect(JSON.parse((await run('context list --json')).stdout)).toEqual([
      { name: 'prod', current: false, api: api.url, token_file: tokenFile, protected: true },
    ])
  })
  it('keeps no token, and a file that only its owner reads', async () => {
    await run(`context add prod --api ${api.url} --token-file ${tokenFile}`)
    expect(readFileSync(file, 'utf8')).not.toContain('kgm_of_prod')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(existsSync(`${file}.new`)).toBe(false)
  })
  it.each([
    ['context add prod --api mirrors.example.org', 'api must be an address'],
    ['context add prod --api https://li:secret@mirrors.example.org', 'must have no credentials'],
    ['context add a/b --api https://mirrors.example.org', 'cannot be the name'],
    ['context add prod --api https://a --token-file x --token-env Y', 'not in both'],
    ['context use nothing', 'there is no context "nothing"'],
    ['context remove nothing', 'there is no context "nothing"'],
  ])('%s is refused, and nothing is written', async (line, message) => {
    const { code, stderr } = await run(line)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(stderr).not.toContain('secret')
    expect(existsSync(file)).toBe(false)
  })
  it('puts none in the place of another unasked', async () => {
    await run('context add prod --api https://one')
    expect((await run('context add prod --api https://two')).stderr).toContain('Add --replace')
    expect((await run('context add prod --api https://two --replace')).code).toBe(0)
    expect((await run('context')).stdout).toContain('https://two')
  })
  it.each([
    ['current = "prod"', 'there is no context "prod"'],
    ['curent = "prod"', 'unknown key curent'],
    ['[contexts.prod]\napi = "https://a"\ntokn_file = "x"', 'unknown key tokn_file; did you mean token_file?'],
    ['[contexts.prod]\napi = 7', 'api must be a string'],
    ['[contexts.prod]\ntoken_env = "X"', 'api must be an address'],
    ['[contexts', 'line 1'],
  ])('reads no file with %j, and names the file', async (text, message) => {
    mkdirSync(join(dir, 'kagami'), { recursive: true })
    writeFileSync(file, text)
    const { code, stderr } = await run('status')
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(stderr).toContain(file)
  })
})

describe('a command', () => {
  beforeEach(async () => {
    await run(`context add prod --api ${api.url} --token-file ${tokenFile} --protected`)
    await run('context add other --api http://127.0.0.1:1 --token-env OTHER_TOKEN')
  })

  it('goes to the current context with its token', async () => {
    expect((await run('status')).code).toBe(0)
    expect(lastToken()).toBe('Bearer kgm_of_prod')
  })
  it('goes where --context, --api, KAGAMI_API or KAGAMI_CONTEXT say, in this order', async () => {
    expect((await run('status --context other')).code).toBe(6)
    expect((await run('status', { KAGAMI_CONTEXT: 'other' })).code).toBe(6)
    expect((await run('status --context prod', { KAGAMI_API: 'http://127.0.0.1:1' })).code).toBe(0)
    expect((await run(`status --api ${api.url}`, { KAGAMI_CONTEXT: 'other' })).code).toBe(0)
    expect((await run('status', { KAGAMI_API: api.url, KAGAMI_CONTEXT: 'other' })).code).toBe(0)
    expect((await run(`status --api ${api.url} --context prod`)).code).toBe(2)
    expect((await run('status --context prdo')).stderr).toContain('did you mean prod?')
  })
  it('sends the token of a context to no other supervisor', async () => {
    await run(`status --api ${api.url}`)
    expect(lastToken()).toBeUndefined()
    await run('status', { KAGAMI_API: api.url })
    expect(lastToken()).toBeUndefined()
  })
  it('says that others can read a token', async () => {
    chmodSync(tokenFile, 0o644)
    const { stderr } = await run('status')
    chmodSync(tokenFile, 0o600)
    expect(stderr).toContain(`warning: ${tokenFile} can be read by others`)
  })
  it('changes a protected supervisor only when it is named', async () => {
    const before = api.asked.length
    const { code, stderr } = await run('replicas pause debian@sh-12')
    expect([code, stderr]).toEqual([2, expect.stringContaining('--context prod')])
    expect(api.asked.slice(before).map(({ name }) => name)).not.toContain('pauseReplica')
    const named = await run('replicas pause debian@sh-12 --context prod')
    expect([named.code, named.stderr]).toEqual([0, expect.stringContaining('context: prod\n')])
    expect(api.asked.at(-1)?.name).toBe('pauseReplica')
  })
  it('looks at what it would do on a protected supervisor without being asked', async () => {
    const { code, stdout } = await run('bulk pause --worker sh-12 --dry-run')
    expect([code, stdout]).toEqual([0, expect.stringContaining('pause would concern 0 replicas')])
    expect((await run('bulk pause --worker sh-12')).stderr).toContain('--context prod')
  })
  it('asks for the name of a protected supervisor on a terminal', async () => {
    const { code, text } = await runOnTerminal('replicas pause debian@sh-12', {
      env,
      when: 'Type its name',
      typed: 'prod',
    })
    expect([code, text]).toEqual([0, expect.stringContaining('which is protected')])
    expect(api.asked.at(-1)?.name).toBe('pauseReplica')
  })
})

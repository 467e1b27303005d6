// completion.test.ts — What shells are offered: by the candidates, and by a real bash that runs the script.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, aReplica, aResource, aWorker } from '../testing/samples.ts'
import { completeLine } from './complete.ts'
import { createProgram } from '../program.ts'
import { scripts } from './scripts.ts'

/** Workers name themselves. */
const HOSTILE = ['$(reboot)', 'x;reboot', '`reboot`', 'a b', 'x\u001b]0;y', 'x\ny', "'", '>file'].map((name, index) =>
  aWorker({ worker_id: `h-${index}`, name }),
)
const api = await startApi({
  listWorkers: () => aPage(aWorker(), aWorker({ worker_id: 'w-2', name: 'bj-1' }), ...HOSTILE),
  listResources: () => aPage(aResource({ name: 'debian' }), aResource({ name: 'debian-security' })),
  listReplicas: () => aPage(aReplica(), aReplica({ replica_id: 'r-2', worker_name: 'bj-1' })),
})
const dir = mkdtempSync(join(tmpdir(), 'kagami-completion-'))
const MAIN = join(import.meta.dirname, '..', 'main.ts')
writeFileSync(join(dir, 'kagami'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
chmodSync(join(dir, 'kagami'), 0o755)
afterAll(() => rmSync(dir, { recursive: true }))

/** The words offered for a line; a tab stands where the key is pressed. */
async function offered(line: string): Promise<string[]> {
  process.env['KAGAMI_API'] = api.url
  const found = await completeLine(createProgram(), line)
  delete process.env['KAGAMI_API']
  return found.map(({ word }) => word)
}

describe('completion', () => {
  it.each([
    ['kagami rep', ['replicas']],
    ['kagami mirr', ['mirrors']],
    ['kagami __', []],
    ['kagami replicas re', ['remove', 'resume', 'reject', 'restore', 'rename']],
    ['kagami replicas list --he', ['--health']],
    ['kagami replicas --wor', ['--worker']],
    ['kagami replicas list --health fa', ['failed']],
    ['kagami status --fail-on st', ['stale', 'stuck']],
    ['kagami replicas list --worker ', ['sh-12', 'bj-1']],
    ['kagami workers approve ', ['sh-12', 'bj-1']],
    ['kagami workers approve sh-12 b', ['bj-1']],
    ['kagami replicas get deb', ['debian@sh-12', 'debian@bj-1']],
    ['kagami replicas get debian@s', ['debian@sh-12']],
    ['kagami sync deb', ['debian', 'debian-security']],
    ['kagami sync debian@', ['debian@sh-12', 'debian@bj-1']],
    ['kagami completion z', ['zsh']],
    ['kagami completion ', ['bash', 'zsh', 'fish', 'powershell']],
    ['kagami replicas add --preset deb', ['debian', 'debian-security']],
    ['kagami replicas presets ub', ['ubuntu']],
    ['kagami replicas list --limit 5 --wor', ['--worker']],
    ['kagami nonsense deb', []],
  ])('of %j offers %j', async (line, words) => {
    expect((await offered(line)).toSorted()).toEqual(words.toSorted())
  })

  it('is silent without a supervisor', async () => {
    const { code, stdout, stderr } = await runKagami('__complete kagami\u00a0sync\u00a0deb', {
      KAGAMI_API: 'http://127.0.0.1:1',
    })
    expect([code, stdout, stderr]).toEqual([0, '', ''])
  })

  it('waits a moment for one that does not answer, and then ends', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', KAGAMI_API: `http://127.0.0.1:${port}` }
    // The test waits for the end of the program, as a shell does.
    expect(await runBash(`'${join(dir, 'kagami')}' __complete 'kagami sync deb'; echo "ended with $?"`, env)).toEqual([
      'ended with 0',
    ])
    silent.closeAllConnections()
    silent.close()
  })

  it.each(['kagami work', 'kagami sync debian@s', 'kagami sync debian@', 'kagami replicas list --health fai'])(
    'is what bash does with %j',
    (line) => {
      const words = line.split(/\s|(@)/).filter((word) => word !== undefined && word !== '')
      if (line.endsWith('@')) words.splice(-1, 1, '@')
      const ask = `source /dev/stdin <<'SCRIPT'
${scripts.bash}
SCRIPT
COMP_LINE='${line}' COMP_POINT=${line.length} COMP_WORDS=(${words.join(' ')}) COMP_CWORD=${words.length - 1}
_kagami; printf '%s\\n' "\${COMPREPLY[@]}"`
      const env = { PATH: `${dir}:${process.env['PATH']}`, HOME: '/nonexistent', KAGAMI_API: api.url }
      const answer = runBash(ask, env)
      return expect(answer).resolves.toEqual(
        {
          'kagami work': ['workers'],
          'kagami sync debian@s': ['sh-12'],
          'kagami sync debian@': ['@sh-12', '@bj-1'],
          'kagami replicas list --health fai': ['failed'],
        }[line],
      )
    },
  )

  it('has a script for each shell, and refuses others', async () => {
    expect((await runKagami('completion fish')).stdout).toContain('complete --command')
    expect((await runKagami('completion zsh')).stdout).toContain('#compdef kagami')
    expect((await runKagami('completion powershell')).stdout).toContain('Register-ArgumentCompleter -Native')
    const { code, stderr } = await runKagami('completion bahs')
    expect([code, stderr]).toEqual([2, expect.stringContaining('did you mean bash?')])
    expect(() => execFileSync('bash', ['-n'], { input: scripts.bash })).not.toThrow()
  })
})

/** What bash prints, by lines; the API of this process must be able to answer meanwhile. */
function runBash(text: string, env: Record<string, string>): Promise<string[]> {
  const child = spawn('bash', ['-c', text], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part))
  return new Promise((resolve) => child.once('close', () => resolve(out.split('\n').filter((line) => line !== ''))))
}

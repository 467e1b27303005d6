// hosts.test.ts — kagami workers hosts, with a real sshd: what it shows is accepted by fingerprint, listed and removed.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, startSshUpstream, type SshUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startMicrosocks } from '../../../worker/src/testing/proxies/start.ts'
import { runKagami } from '../testing/run-kagami.ts'

let dir: string
let server: SshUpstream
const hosts = (...args: string[]) => runKagami(`workers hosts ${args.join(' ')} --data-dir ${join(dir, 'data')}`)
const known = () => join(dir, 'data', '.kagami', 'known_hosts')

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-hosts-'))
  mkdirSync(join(dir, 'data', '.kagami'), { recursive: true })
  server = await startSshUpstream({ dir: join(dir, 'sshd') })
})
afterEach(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

describe('the key of a host', () => {
  test('is accepted by its fingerprint, listed, and forgotten', async () => {
    const fingerprint = (await runChild('ssh-keygen', ['-l', '-f', server.hostKey])).split(' ')[1]!
    const host = `127.0.0.1:${server.port}`
    expect(await hosts('add', host, '--fingerprint', fingerprint)).toMatchObject({ code: 0 })
    expect(readFileSync(known(), 'utf8')).toBe(server.known)
    expect((await hosts('list')).stdout).toContain(fingerprint)
    expect((await hosts('add', `[127.0.0.1]:${server.port}`, '--yes')).code).toBe(0)
    expect(readFileSync(known(), 'utf8')).toBe(server.known)
    expect(await hosts('remove', host)).toMatchObject({ code: 0 })
    expect(readFileSync(known(), 'utf8')).toBe('')
  })

  test('is asked for through the proxy of the worker, and not without it', async () => {
    const proxy = await startMicrosocks({ dir })
    try {
      const config = join(dir, 'worker.toml')
      const add = `workers hosts add 127.0.0.1:${server.port} --yes --config ${config}`
      const text = `data_dir = "${join(dir, 'data')}"\nproxy = "socks5h://127.0.0.1:${proxy.server.port}"\n`
      writeFileSync(config, text)
      expect(await runKagami(add)).toMatchObject({ code: 0 })
      expect(readFileSync(known(), 'utf8')).toBe(server.known)
      rmSync(known())
      await proxy.stop()
      const refused = await runKagami(add)
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain(`the proxy socks5h://127.0.0.1:${proxy.server.port} cannot be reached`)
      expect(existsSync(known())).toBe(false)
    } finally {
      await proxy.stop()
    }
  })

  test('is not accepted without a look, nor when it is another', async () => {
    const host = `127.0.0.1:${server.port}`
    for (const more of [[], ['--fingerprint', 'SHA256:other']])
      expect(await hosts('add', host, ...more)).toMatchObject({ code: 2 })
    expect(existsSync(known())).toBe(false)
  })

  test.each(['-oProxyCommand=x', 'host:0', 'host:x', '$(x)', 'host;x', '[::1'])(
    'of %j is not asked for',
    async (host) => {
      expect((await hosts('add', '--yes', host)).code).not.toBe(0)
      expect(existsSync(known())).toBe(false)
    },
  )
})

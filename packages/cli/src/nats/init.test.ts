// nats/init.test.ts — What `kagami nats init` writes: each file where only its owner reads it, a certificate for the
// hosts that were named.
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { initNats, renewCertificate, type Initialised } from './init.ts'

const root = mkdtempSync(join(tmpdir(), 'kagami-init-'))
const dir = join(root, 'nats')
let written: Initialised
beforeAll(async () => {
  written = await initNats({
    dir,
    host: ['nats.example.org', '192.0.2.7'],
    port: '4333',
    listen: '0.0.0.0',
    monitor: '127.0.0.1:8222',
    serverVersion: 'v2.10.7',
    mountedAt: '/etc/nats',
  })
})
afterAll(() => rmSync(root, { recursive: true }))
const read = (...path: string[]) => readFileSync(join(dir, ...path), 'utf8')
const hosts = () => new X509Certificate(read('server', 'server.pem')).subjectAltName

it('says where the server is reached, by the first name, and where it will see its files', () =>
  expect(written).toEqual({
    dir,
    url: 'tls://nats.example.org:4333',
    version: '2.10.7',
    configuration: '/etc/nats/nats-server.conf',
  }))
it('lets nobody but the owner read any of it', () => {
  const modes = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => {
    const found = statSync(join(dir, path))
    return found.isDirectory() ? (found.mode & 0o777) === 0o700 : (found.mode & 0o777) === 0o600
  })
  expect(modes.length).toBeGreaterThan(8)
  expect(modes).not.toContain(false)
})
it('gives the server a certificate for its names, its addresses and this machine, signed by the new authority', () => {
  expect(hosts()).toBe(
    'DNS:nats.example.org, IP Address:192.0.2.7, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  const authority = new X509Certificate(read('server', 'ca.pem'))
  expect(new X509Certificate(read('server', 'server.pem')).verify(authority.publicKey)).toBe(true)
})
it('renews the certificate of the server under the same authority', async () => {
  const before = read('server', 'ca.pem')
  await renewCertificate(dir, ['other.example.org'])
  expect(hosts()).toContain('DNS:other.example.org')
  expect(read('server', 'ca.pem')).toBe(before)
})
it('never overwrites keys', async () => {
  const key = read('keys', 'ca.key')
  await expect(initNats({ dir, port: '4222', listen: '', monitor: '' })).rejects.toThrow(
    'is not empty; nothing was changed',
  )
  expect(read('keys', 'ca.key')).toBe(key)
})

import { fromPublic, fromSeed } from '@nats-io/nkeys'
import { decode } from '@nats-io/jwt'
import { describe, expect, test } from 'vitest'
import {
  makeNatsLayout,
  revocationsOf,
  signWorkersAccount,
  signWorkerUser,
  verifyWorkerUser,
  workersSigner,
} from './accounts.ts'
import { natsConfiguration } from './server-config.ts'
import { isUserKey, newNatsKey, signedByUser } from './keys.ts'

describe('keys and claims of a locked NATS', () => {
  test('signatures are those of the library of NATS, byte by byte', () => {
    const key = newNatsKey('user')
    const text = Buffer.from('nonce')
    expect(Buffer.from(key.sign(text))).toEqual(Buffer.from(fromSeed(Buffer.from(key.seed)).sign(text)))
    expect(fromPublic(key.publicKey).verify(text, key.sign(text))).toBe(true)
    expect(signedByUser(key.publicKey, 'nonce', Buffer.from(key.sign(text)).toString('base64url'))).toBe(true)
    expect(signedByUser(newNatsKey('user').publicKey, 'nonce', Buffer.from(key.sign(text)).toString('base64url'))).toBe(
      false,
    )
  })

  test('a key with a wrong letter, of another kind, or no key at all is no user’s key', () => {
    const { publicKey } = newNatsKey('user')
    expect(isUserKey(publicKey)).toBe(true)
    const wrong = publicKey.slice(0, 20) + (publicKey[20] === 'A' ? 'B' : 'A') + publicKey.slice(21)
    for (const text of [wrong, newNatsKey('account').publicKey, 'U', '', `${publicKey}A`, 'a.b'])
      expect(isUserKey(text)).toBe(false)
  })

  test('claims are signed as the library expects, and only ours are recognised', async () => {
    const [ours, theirs] = [
      await makeNatsLayout({ url: 'nats://h', ca: null }),
      await makeNatsLayout({ url: 'nats://h', ca: null }),
    ]
    for (const jwt of Object.values(ours.server.accounts)) expect(() => decode(jwt)).not.toThrow()
    const { publicKey } = newNatsKey('user')
    const jwt = await signWorkerUser(workersSigner(ours.supervisor), { id: 'w', publicKey })
    expect(verifyWorkerUser(workersSigner(ours.supervisor), 'w', jwt)).toBe(publicKey)
    expect(verifyWorkerUser(workersSigner(ours.supervisor), 'x', jwt)).toBeNull()
    expect(verifyWorkerUser(workersSigner(theirs.supervisor), 'w', jwt)).toBeNull()
    for (const nonsense of ['', 'a.b.c', `${jwt}x.y`])
      expect(verifyWorkerUser(workersSigner(ours.supervisor), 'w', nonsense)).toBeNull()
    expect(revocationsOf(await signWorkersAccount(ours.supervisor, { [publicKey]: 7 }))).toEqual({ [publicKey]: 7 })
  })

  test('an old server’s configuration holds nothing it would refuse', async () => {
    const layout = await makeNatsLayout({ url: 'nats://h', ca: null })
    const of = (version: string | null) =>
      natsConfiguration({
        version,
        host: '0.0.0.0',
        port: 4222,
        monitor: '127.0.0.1:8222',
        dir: '/d',
        tls: true,
        layout,
      })
    expect(of('2.9.10')).not.toContain('sync_interval')
    expect(of(null)).not.toContain('sync_interval')
    expect(of('2.10.0')).toContain('sync_interval: always')
  })
})

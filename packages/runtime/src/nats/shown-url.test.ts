// shown-url.test.ts — Addresses of NATS as people see them: without what somebody may have written into them.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { shownNatsUrl } from './connect.ts'

it.each([
  ['nats://10.0.0.1:4222', 'nats://10.0.0.1:4222'],
  ['nats://a:secret@h:4222', 'nats://***@h:4222'],
  ['a:secret@h', '***@h'],
  ['nats://a:sec/ret@h', 'nats://***@h'],
  ['nats://a:s@cret@h', 'nats://***@h'],
  ['nats://token@h1,tls://a:b@h2, nats://h3', 'nats://***@h1,tls://***@h2, nats://h3'],
  ['nats://h1,nats://a:s,cret@h2', 'nats://h1,nats://***@h2'],
])('%s is shown as %s', (url, shown) => expect(shownNatsUrl(url)).toBe(shown))

it('never shows a password, of whatever characters', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 12 }), fc.nat(2), (text, place) => {
      const password = `${text}s3cret`
      const hosts = ['nats://h0', 'nats://h1', 'nats://h2']
      const urls = hosts.map((host, index) => (index === place ? `nats://user:${password}@h${index}` : host))
      expect(shownNatsUrl(urls.join(','))).not.toContain('s3cret')
    }),
  ))

// upstream.test.ts — Upstreams as visitors see them: never with a secret.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { publicUpstream } from './upstream.ts'

test.each([
  ['https://user:secret@host.example/a/b.git?token=secret#secret', 'https://host.example/a/b.git'],
  ['rsync://user@host.example:874/module/', 'rsync://host.example:874/module/'],
  ['http:/\\user:secret@host.example/a', 'http://host.example/a'],
  ['ssh://git@host.example:2222/srv/a.git', 'ssh://host.example/srv/a.git'],
  ['ssh://git@[2001:db8::1]/srv/a', 'ssh://[2001:db8::1]/srv/a'],
  ['git@host.example:a/b.git', 'ssh://host.example/a/b.git'],
  ['git@host.example:a?secret', 'ssh://host.example/a'],
  ['file:///srv/secret', null],
  ['/srv/secret', null],
  ['host.example::secret', null],
  ['command --password secret', null],
  ['javascript://secret', null],
  ['', null],
])('%s is shown as %s', (upstream, shown) => {
  expect(publicUpstream(upstream)).toBe(shown)
})

test('no user, password, query or fragment is shown, whatever it is', () => {
  const secret = fc.stringMatching(/^[a-z0-9]{4,8}zz[!$&'()*+,;=:@?#]{0,3}[a-z0-9]{0,4}$/).map(encodeURIComponent)
  fc.assert(
    fc.property(fc.constantFrom('https', 'rsync', 'git', 'ssh', 'ftp'), secret, (scheme, text) => {
      const shown = publicUpstream(`${scheme}://${text}:${text}@h.example/a?${text}#${text}`)
      expect(shown ?? '').not.toContain(text)
    }),
  )
})

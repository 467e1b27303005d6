import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { intervalProblem, replicaNameProblem, sshUpstreamOf, upstreamProblem } from './names.ts'

describe('replica names', () => {
  test.each(['debian', 'linux.git', 'A-1_b.c', 'foo.tar.gz', '0'])('%s is fine', (name) =>
    expect(replicaNameProblem(name)).toBeNull(),
  )
  test.each([
    '',
    '.hidden',
    '-x',
    'a/b',
    'a b',
    'a\0b',
    '..',
    'a..b',
    'x.lock',
    'X.LOCK',
    'con',
    'NUL',
    'lost+found',
    'current',
    'é',
    '雪',
    'a'.repeat(129),
  ])('%j is refused with a reason', (name) => expect(replicaNameProblem(name)).toEqual(expect.any(String)))

  test('whatever is accepted is one harmless path element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 140 }), (name) => {
        if (replicaNameProblem(name) === null) expect(name).toMatch(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*$/)
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('upstreams', () => {
  test.each([
    ['git', 'https://example.com/repo.git'],
    ['git', 'git://example.com/repo.git'],
    ['git', 'http://[::1]:8080/x.git'],
    ['git', 'ssh://git@example.com/x.git'],
    ['git', 'ssh://git@example.com:2222/~me/x.git'],
    ['git', 'ssh://git@[::1]:2222/x.git'],
    ['git', 'git@example.com:group/x.git'],
    ['rsync', 'ssh://me@example.com:2222/srv/pub/'],
    ['rsync', 'me@example.com:pub/'],
    ['git', `ssh://git@example.com/it's;$(x).git`],
    ['rsync', 'rsync://host/module/'],
    ['rsync', 'rsync://user@host:8873/module/path/'],
    ['http', 'https://host/foo.tar.gz?x=1'],
  ])('%s %s is fine', (kind, upstream) => expect(upstreamProblem(kind, upstream)).toBeNull())
  test.each([
    ['git', 'ext::sh -c touch% PWN'],
    ['git', 'fd::17'],
    ['git', '--upload-pack=x'],
    ['git', 'file:///srv/x.git'],
    ['git', '/srv/x.git'],
    ['git', 'ssh://-oProxyCommand=x/y'],
    ['git', 'ssh://host/x.git'],
    ['git', 'ssh://git:pw@host/x.git'],
    ['git', 'ssh://-oProxyCommand=x@host/y'],
    ['git', 'ssh://git@-oProxyCommand=x/y'],
    ['git', 'ssh://git@%2doProxyCommand=x/y'],
    ['git', 'ssh://git@host%20-oProxyCommand=x/y'],
    ['git', 'ssh://git@host;x/y'],
    ['git', 'ssh://git@host:0/x'],
    ['git', 'ssh://git@host:65536/x'],
    ['git', 'ssh://git@host/'],
    ['git', 'ssh://git@host/a%0ab'],
    ['git', 'ssh://git@host/a%zz'],
    ['git', 'ssh://git@host/a\\b'],
    ['git', 'host:x.git'],
    ['git', '-oProxyCommand=x@host:y'],
    ['git', 'git@-oProxyCommand=x:y'],
    ['git', 'git@host:-oProxyCommand=x'],
    ['git', 'git@host::x'],
    ['http', 'ssh://git@host/x'],
    ['http', 'git@host:x'],
    ['rsync', 'rsync+ssh://git@host/x'],
    ['rsync', 'ssh://host/x'],
    ['rsync', 'ssh://me@host/x;y'],
    ['rsync', 'ssh://me@host/x%20y'],
    ['rsync', "me@host:it's"],
    ['rsync', 'me@host:*'],
    ['rsync', 'me@host::module'],
    ['rsync', 'me@-oProxyCommand=x:y'],
    ['git', 'https://bob:pw@host/x.git'],
    ['git', 'https:host/x.git'],
    ['git', 'https://host/a\nb'],
    ['rsync', '--rsh=x'],
    ['rsync', '/etc/shadow'],
    ['rsync', 'host:/path'],
    ['rsync', 'host::module'],
    ['rsync', 'rsync://bob:pw@host/m/'],
    ['rsync', 'rsync://host/'],
    ['http', 'file:///etc/passwd'],
    ['http', 'gopher://x/'],
    ['http', 'http://'],
    ['http', ''],
    ['http', `http://h/${'x'.repeat(2100)}`],
  ])('%s %j is refused', (kind, upstream) => expect(upstreamProblem(kind, upstream)).toEqual(expect.any(String)))
})

describe('upstreams over ssh', () => {
  const piece = fc.oneof(
    fc.constantFrom('git', '@', ':', '-', '-oProxyCommand=x', '/', '//', '%2d', '%20', ';', "'", '[', ']', '::1', '22'),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  test('name a user and a host that no program takes for an option, whatever is accepted', () => {
    fc.assert(
      fc.property(fc.constantFrom('ssh://', 'ssh://git@host', 'git@', ''), fc.array(piece), (begin, pieces) => {
        const upstream = begin + pieces.join('')
        const parts = sshUpstreamOf(upstream)
        if (parts === null || upstreamProblem('git', upstream) !== null) return
        expect(parts.user).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/)
        expect(parts.host).toMatch(/^([A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+)$/)
        expect(parts.path).toMatch(/^[^-:\u0000-\u001f][^\u0000-\u001f]*$/)
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('intervals', () => {
  test.each([null, undefined, 0, 1, 60, 2_592_000])('%s is fine', (seconds) =>
    expect(intervalProblem(seconds)).toBeNull(),
  )
  test.each([-1, 1.5, 2_592_001, 2_147_484, 1e308, NaN, Infinity])('%s is refused, or kept exactly', (seconds) => {
    if (seconds <= 2_592_000 && Number.isInteger(seconds) && seconds >= 0) expect(intervalProblem(seconds)).toBeNull()
    else expect(intervalProblem(seconds)).toEqual(expect.any(String))
  })
})

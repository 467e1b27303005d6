// proxy.test.ts — Whom a proxy has signed in, and from where that is not believed.
import { expect, test } from 'vitest'
import { readProxy } from './proxy.ts'

const config = {
  proxy_addresses: ['10.0.0.7', '::1'],
  proxy_user_header: 'X-Forwarded-User',
  proxy_groups_header: 'X-Forwarded-Groups',
  role_groups: { 'mirror-admins': 'admin', 'mirror-team': 'operator' } as const,
  default_role: 'viewer' as const,
}
const read = (headers: Record<string, string | string[]>, remote = '10.0.0.7', change = {}) =>
  readProxy(headers, remote, { ...config, ...change })

test.each([
  ['mirror-admins', 'admin'],
  ['mirror-team, mirror-admins', 'admin'],
  ['staff,mirror-team', 'operator'],
  ['staff', 'viewer'],
  ['', 'viewer'],
  ['MIRROR-ADMINS', 'viewer'],
  ['constructor', 'viewer'],
])('who is in "%s" has the role %s', (groups, role) => {
  const found = read({ 'x-forwarded-user': 'li', 'x-forwarded-groups': groups })
  expect(found).toMatchObject({ grant: { name: 'li', role, scope: {} }, isAmbient: true })
})

test.each(['10.0.0.8', '127.0.0.1', '::ffff:10.0.0.8', '110.0.0.7'])('what %s says is not believed', (remote) => {
  expect(read({ 'x-forwarded-user': 'li', 'x-forwarded-groups': 'mirror-admins' }, remote)).toBeNull()
})

test('an address of IPv4 is the same in IPv6', () => {
  expect(read({ 'x-forwarded-user': 'li' }, '::ffff:10.0.0.7')?.grant?.name).toBe('li')
  expect(read({ 'x-forwarded-user': 'li' }, '::1')?.grant?.name).toBe('li')
})

test('nobody is named by nothing, by blanks, or by two headers', () => {
  for (const user of ['', '  ', '\u0007', ['li', 'wang']]) expect(read({ 'x-forwarded-user': user })).toBeNull()
  expect(read({})).toBeNull()
})

test('a name is one line of what can be printed', () => {
  expect(read({ 'x-forwarded-user': ' l\u001b[31mi\u202e ' })?.grant?.name).toBe('l[31mi')
  expect(read({ 'x-forwarded-user': 'x'.repeat(500) })?.grant?.name).toHaveLength(128)
})

test('without a group and without a default role nobody may do anything', () => {
  const found = read({ 'x-forwarded-user': 'eve' }, '10.0.0.7', { default_role: 'none' })
  expect(found).toEqual({ grant: null, problem: 'eve is in no group that has a role here', isAmbient: false })
})

test('no proxy is believed unless it is named', () => {
  expect(read({ 'x-forwarded-user': 'li' }, '127.0.0.1', { proxy_addresses: [] })).toBeNull()
})

// roles.test.ts — What providers say of groups and names.
import { expect, test } from 'vitest'
import { personName, textsOf } from './roles.ts'

test.each([
  [{ groups: ['a', 'b'] }, 'groups', ['a', 'b']],
  [{ groups: 'a' }, 'groups', ['a']],
  [{ groups: ['a', 7, null, { b: 1 }] }, 'groups', ['a']],
  [{ realm_access: { roles: ['admin'] } }, 'realm_access.roles', ['admin']],
  [{ 'https://example.org/groups': ['a'] }, 'https://example.org/groups', ['a']],
  [{ realm_access: null }, 'realm_access.roles', []],
  [{}, 'constructor.name', []],
  [{}, 'groups', []],
])('of %j, %s is %j', (claims, path, texts) => {
  expect(textsOf(claims, path)).toEqual(texts)
})

test.each([
  ['li', 'li'],
  [' 李 雷 ', '李 雷'],
  ['a\nb', 'ab'],
  ['Token', 'Token (account)'],
  ['', null],
  ['\u0000', null],
  [7, null],
  [undefined, null],
])('%j is named %j', (text, name) => {
  expect(personName(text)).toBe(name)
})

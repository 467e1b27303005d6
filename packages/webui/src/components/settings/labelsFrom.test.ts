// labelsFrom.test.ts — What people type as labels.
import { expect, test } from 'vitest'
import { labelsFrom } from './labelsFrom.ts'

test.each([
  ['', {}],
  ['  ', {}],
  ['team=kernel', { team: 'kernel' }],
  ['team=kernel, env=prod', { team: 'kernel', env: 'prod' }],
  ['team=kernel env=a=b,,', { team: 'kernel', env: 'a=b' }],
  ['empty=', { empty: '' }],
  ['team', null],
  ['=kernel', null],
  ['team=kernel, env', null],
])('%s is %j', (text, labels) => {
  expect(labelsFrom(text)).toEqual(labels)
})

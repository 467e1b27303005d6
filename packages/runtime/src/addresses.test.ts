// addresses.test.ts — Reading addresses.
import { expect, test } from 'vitest'
import { isLoopback, parseAddress } from './addresses.ts'

test('addresses are read in every common form', () => {
  expect(['0.0.0.0:1', ':80', '[::1]:90', 'host:65535'].map(parseAddress)).toEqual([
    { host: '0.0.0.0', port: 1 },
    { host: '0.0.0.0', port: 80 },
    { host: '::1', port: 90 },
    { host: 'host', port: 65_535 },
  ])
  expect(['', '80', 'host:', 'host:99999', 'a:b:c'].map(parseAddress)).toEqual([null, null, null, null, null])
  expect(['127.0.0.1', '127.9.9.9', 'localhost', '::1', '0.0.0.0', '10.0.0.1'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ])
})

// config.test.ts — What a misspelt key is taken for.
import { expect, test } from 'vitest'
import { nearest } from './config.ts'

test('the nearest known word is found, a far one is not', () => {
  expect(nearest('nats_ulr', ['nats_url', 'data_dir'])).toBe('nats_url')
  expect(nearest('zzzzzz', ['nats_url', 'data_dir'])).toBeNull()
})

// trust.test.ts — A ca_file that cannot be used is reported before anything starts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@kagami/runtime'
import { expect, test } from 'vitest'
import { trustAlso, trustOfTools } from './trust.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-test-'))

test.each([
  ['is missing', null, 'no such file'],
  ['holds no certificate', 'just text\n', 'there is no certificate in it'],
  ['holds a damaged one', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'cannot be used'],
])('a ca_file that %s is refused with its name, and nothing else is believed', (_what, content, said) => {
  const file = join(dir, 'ca.pem')
  if (content === null) rmSync(file, { force: true })
  else writeFileSync(file, content)
  const refused = () => trustAlso(file, join(dir, 'bundle.pem'))
  expect(refused).toThrow(ConfigError)
  expect(refused).toThrow(`ca_file ${file}`)
  expect(refused).toThrow(said)
  expect(trustOfTools()).toEqual({})
})

// spec.test.ts — Options that cannot work with an upstream: refused in the same words when the worker starts, and when
// a replica that was added by the API is to be synced.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '@kagami/runtime'
import { describe, expect, it } from 'vitest'
import { loadWorkerConfig } from '../config/config.ts'
import { declaredReplicas } from '../config/replicas.ts'
import { providers } from '../providers/index.ts'
import { sandboxForEach } from '../testing/kills.ts'
import type { Sandbox } from '../testing/sandbox.ts'
import { writeToml } from '../testing/worker-toml.ts'

let sandbox: Sandbox
sandboxForEach((fresh) => (sandbox = fresh))

/** What the worker says at its start; null when it starts. */
function saidAtStart(kind: string, upstream: string, options: object): string | null {
  const file = writeToml(`data_dir = "/d"\nupstream_roots = ["/srv"]\n`)
  const provider = { name: 'a', kind, upstream, options }
  try {
    const config = loadWorkerConfig({ file, env: { KAGAMI_PROVIDERS: JSON.stringify([provider]) } })
    declaredReplicas(config, { workerId: 'w', kinds: providers, warnings: [] })
    return null
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

const HEX = 'a'.repeat(64)

describe('options that cannot work with the upstream', () => {
  it.for([
    [
      'rsync',
      'file:///srv/files',
      { extra_options: ['--copy-links'] },
      'option "extra_options": --copy-links is not for folders of this machine, because a link there could publish ' +
        'any file the worker can read: remove it',
    ],
    [
      'http',
      'https://h/a.iso',
      { checksum: 'sha256:abc' },
      'option "checksum": that is no sha256 checksum; copy all of its digits, such as the 64 of a sha256',
    ],
    [
      'http',
      'https://h/a.iso',
      { checksum: '../SHA256SUMS' },
      'option "checksum": neither sha256:HEX nor the name of a file beside the upstream; write one of them',
    ],
    [
      'git',
      'git://h/a.git',
      { lfs: true },
      'option "lfs": this upstream is not a web address, so its LFS server must be named: give its https address as ' +
        'lfs_url, or turn lfs off',
    ],
    [
      'git',
      'https://h/a.git',
      { lfs: true, lfs_url: 'ssh://h/a' },
      'option "lfs_url": must be an address that begins with https:// or http://',
    ],
    [
      'git',
      'https://h/a.git',
      { lfs: true, lfs_url: 'https://u:p@h/a' },
      'option "lfs_url": must not contain a user name or password: those given as "auth" are used when it is on the ' +
        'upstream’s own host',
    ],
  ] as const)(
    '%s %s %j are refused at start, and before a sync does anything',
    async ([kind, upstream, options, words]) => {
      expect(saidAtStart(kind, upstream, options)).toBe(`KAGAMI_PROVIDERS: providers[0] (a): ${words}`)
      expect(await sandbox.sync({ kind, upstream, options, upstreamRoots: ['/srv'] })).toMatchObject({
        outcome: 'failed',
        reason: 'invalid_options',
        message: words,
      })
      expect(existsSync(sandbox.published)).toBe(false)
      expect(readdirSync(join(sandbox.dataDir, '.kagami'))).toEqual(['logs'])
    },
  )

  it.for([
    ['rsync', 'rsync://h/m/', { extra_options: ['--copy-links'] }],
    ['http', 'https://h/a.iso', { checksum: `sha256:${HEX}` }],
    ['http', 'https://h/a.iso', { checksum: '.sha256' }],
    ['http', 'https://h/tree/', { checksum: 'sha256:abc', tree: 'always' }],
    ['git', 'git://h/a.git', { lfs: true, lfs_url: 'https://h/lfs' }],
    ['git', 'git://h/a.git', { lfs: false }],
    ['git', 'https://h/a.git', { lfs: true }],
  ] as const)('%s %s %j start', ([kind, upstream, options]) => expect(saidAtStart(kind, upstream, options)).toBeNull())
})

// inherited.test.ts — What a program inherits from whoever started it decides nothing about what is published.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, systemClock } from '@kagami/runtime'
import { afterAll, describe, expect, it } from 'vitest'
import { loadWorkerConfig } from './config/config.ts'
import { startWorker } from './worker.ts'

const folder = mkdtempSync(join(tmpdir(), 'kagami-inherited-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a worker that is started under umask 077', () => {
  it('publishes what others can read, and keeps its own state to itself', async () => {
    const before = process.umask(0o077)
    try {
      const flags = { nats_url: 'nats://127.0.0.1:1', data_dir: join(folder, 'data'), http_addr: '127.0.0.1:0' }
      const config = loadWorkerConfig({ flags })
      const worker = await startWorker({ config, providers: {}, clock: systemClock, logger: createLogger('worker') })
      execFileSync('sh', ['-c', 'mkdir shown; echo text > shown/file'], { cwd: folder })
      const modes = ['data', 'data/.kagami', 'shown', 'shown/file'].map((path) =>
        (statSync(join(folder, path)).mode & 0o777).toString(8),
      )
      await worker!.stop()
      expect(modes).toEqual(['755', '700', '755', '644'])
    } finally {
      process.umask(before)
    }
  })
})

describe.runIf(process.getuid?.() === 0 && existsSync('/usr/bin/setpriv'))('the launcher', () => {
  it('starts for a user who is in no passwd file and has no home', () => {
    const launcher = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'kagami.js')
    const user = ['--reuid', '23456', '--regid', '23456', '--clear-groups']
    const printed = execFileSync('setpriv', [...user, process.execPath, launcher, '--version'], {
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
    })
    expect(printed).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

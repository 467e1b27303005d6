// take-over.test.ts — "Take over a mirror that exists" of docs/operations.md, step by step, for every kind and both
// ways to publish.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { runChild, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented } from '../harness/documented.ts'
import { startMirrors, syncAll, type Mirror, type Mirrors } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'

describe('a directory that Kagami did not make', () => {
  const place = createPlace()
  let mirrors: Mirrors
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program

  const at = (name: string, ...path: string[]) => place.at('data', name, ...path)
  const launch = async (adopt: boolean) => {
    await worker?.kill('SIGTERM')
    worker = await startWorker(place, {
      nats: nats.url,
      providers: mirrors.all.map(({ subject: _subject, ...provider }) => ({ ...provider, interval_secs: 86_400 })),
      env: { KAGAMI_WORKER_ID: 'w', KAGAMI_ADOPT_EXISTING: String(adopt) },
    })
  }
  const sync = () =>
    syncAll(
      supervisor,
      'w',
      mirrors.all.map(({ name }) => name),
    )
  const make = async ({ name, subject, upstream }: Mirror) => {
    const [from, to] = [(path: string) => place.at('up-http', path), at(name)]
    if (subject.startsWith('git')) await runChild('git', ['clone', '-q', '--mirror', upstream, to])
    else if (subject === 'rsync') execFileSync('rsync', ['-a', `${upstream}/`, to])
    else if (subject === 'http-tree') execFileSync('cp', ['-a', from('t'), to])
    else {
      mkdirSync(to)
      execFileSync('cp', ['-p', from('one.bin'), to])
    }
    if (!subject.startsWith('git')) return writeFiles(to, { 'robots.txt': 'mine\n', 'local/notes.txt': 'mine\n' })
    execFileSync('git', [`--git-dir=${to}`, 'branch', 'mine', 'main'])
    writeFiles(to, { 'hooks/post-update': '#!/bin/sh\n' })
    chmodSync(at(name, 'hooks', 'post-update'), 0o755)
  }

  beforeAll(async () => {
    mirrors = await startMirrors(place)
    for (const mirror of mirrors.all) await make(mirror)
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
  })

  test('is not touched, and the sync fails with local_conflict', async () => {
    expectDocumented('the sync fails with `local_conflict`')
    await launch(false)
    for (const [name, ended] of Object.entries(await sync()))
      expect(ended, name).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    for (const { name, subject } of mirrors.all)
      expect(
        existsSync(subject.startsWith('git') ? at(name, 'hooks', 'post-update') : at(name, 'robots.txt')),
        name,
      ).toBe(true)
  })

  test('is taken over with adopt_existing, and what is there is not fetched again', async () => {
    expectDocumented('set `adopt_existing = true`, restart the worker, let it sync once, and set `adopt_existing` back')
    await launch(true)
    for (const [name, ended] of Object.entries(await sync())) {
      expect(ended, `${name}: ${ended.message}`).toMatchObject({ outcome: 'success' })
      // The LFS objects were not there; of one file over http nothing says that it is the same.
      if (!/^git-lfs|^http-file/.test(name)) expect(ended.bytes ?? 0, name).toBeLessThan(100_000)
    }
  })

  test.each([false, false])('is a mirror like any other from then on', async () => {
    await launch(false)
    await mirrors.change()
    for (const [name, ended] of Object.entries(await sync()))
      expect(ended, `${name}: ${ended.message}`).toMatchObject({ outcome: 'success' })
    for (const { name, subject } of mirrors.all)
      expect(mirrors.read(at(name), subject), name).toBe(mirrors.expected(subject))
  })

  test('keeps files of the operator with http, and none with rsync and git', () => {
    expectDocumented('With rsync, files that the upstream does not have are deleted.')
    expectDocumented('its hooks are removed, and refs that the upstream does not have are deleted')
    expectDocumented('With http, files in it that the upstream does not list stay')
    for (const { name, subject } of mirrors.all) {
      if (subject.startsWith('git')) {
        expect(existsSync(at(name, 'hooks', 'post-update')), name).toBe(false)
        expect(execFileSync('git', [`--git-dir=${at(name)}`, 'branch', '--list', 'mine'], { encoding: 'utf8' })).toBe(
          '',
        )
      } else {
        const stays = subject !== 'rsync'
        expect([existsSync(at(name, 'robots.txt')), existsSync(at(name, 'local', 'notes.txt'))], name).toEqual([
          stays,
          stays,
        ])
      }
    }
  })

  test('loses them when they are deleted by hand, also with swap', async () => {
    expectDocumented('To remove some of them, delete them in the directory')
    const trees = mirrors.all.filter(({ subject }) => subject === 'http-tree')
    for (const { name } of trees) execFileSync('rm', [at(name, 'robots.txt')])
    await mirrors.change()
    await sync()
    for (const { name } of trees) {
      expect(existsSync(at(name, 'robots.txt')), name).toBe(false)
      expect(readFileSync(at(name, 'local', 'notes.txt'), 'utf8')).toBe('mine\n')
    }
  })
})

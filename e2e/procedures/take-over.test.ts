// take-over.test.ts — "Take over a mirror that exists" of docs/operations.md, step by step, for every kind and both
// ways to publish.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { runChild, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, followDocumented } from '../harness/documented.ts'
import { startMirrors, syncAll, type Mirror, type Mirrors, type Subject } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.each(['worker.toml', 'the API', 'adopt_existing'] as const)(
  'a directory that Kagami did not make, given to a replica by %s',
  (by) => {
    const place = createPlace()
    let mirrors: Mirrors
    let nats: { url: string }
    let supervisor: SupervisorProgram
    let worker: Program

    const at = (name: string, ...path: string[]) => place.at('data', name, ...path)
    const own = (subject: Subject) => (subject.startsWith('git') ? ['hooks', 'post-update'] : ['robots.txt'])
    const follow = (line: string, to: Record<string, string>) =>
      followDocumented(place, line, { to, env: { KAGAMI_API: supervisor.url } })
    const replicas = async () => (await supervisor.api.call('listReplicas', { query: { limit: 500 } })).items
    const launch = async (adopt: boolean) => {
      await worker?.kill('SIGTERM')
      const declared = mirrors.all.map(({ subject: _subject, ...provider }) => ({ ...provider, interval_secs: 86_400 }))
      worker = await startWorker(place, {
        nats: nats.url,
        providers: by === 'the API' ? [] : declared,
        env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1', KAGAMI_ADOPT_EXISTING: String(adopt) },
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
      await launch(false)
      if (by !== 'the API') return
      await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online')
      for (const { name, kind, upstream, options } of mirrors.all) {
        const more = Object.entries(options).map(([key, value]) => ` --option ${key}=${value}`)
        await follow('kagami replicas add UPSTREAM --worker WORKER --name NAME', {
          UPSTREAM: upstream,
          WORKER: 'sh-1',
          NAME: `${name} --kind ${kind}${more.join('')}`,
        })
      }
    })

    test('is not touched: the first sync is held as foreign_files, and says what taking over would do', async () => {
      expectDocumented(
        'Its first sync compares the files with the upstream, changes nothing, and is held as `foreign_files`',
      )
      for (const [name, ended] of Object.entries(await sync())) {
        expect(ended, `${name}: ${ended.message}`).toMatchObject({ outcome: 'held', reason: 'foreign_files' })
        expect(ended.message, name).toContain(`${at(name)} has files that Kagami did not fetch`)
      }
      for (const { name, subject } of mirrors.all) expect(existsSync(at(name, ...own(subject))), name).toBe(true)
    })

    test.runIf(by === 'worker.toml')('is left as it is when the operator rejects', async () => {
      for (const { name } of mirrors.all)
        await follow('kagami replicas reject NAME@WORKER', { NAME: name, WORKER: 'sh-1' })
      await until('the worker knows', async () => (await replicas()).every(({ hold }) => hold?.rejected))
      for (const ended of Object.values(await sync())) expect(ended).toMatchObject({ outcome: 'held' })
      for (const { name, subject } of mirrors.all) expect(existsSync(at(name, ...own(subject))), name).toBe(true)
    })

    test('is taken over once somebody says so, and what is there is not fetched again', async () => {
      if (by === 'adopt_existing') {
        expectDocumented('`adopt_existing = true` in worker.toml takes over without asking')
        await launch(true)
        await sync()
      } else
        for (const { name } of mirrors.all)
          await follow('kagami replicas adopt NAME@WORKER', { NAME: name, WORKER: 'sh-1' })
      const ended = await until(
        'all are taken over',
        async () => {
          const now = await replicas()
          return now.every(({ last_sync }) => last_sync?.outcome === 'success') && now
        },
        { seen: replicas },
      )
      for (const { name, last_sync } of ended)
        // The LFS objects were not there.
        if (!name.startsWith('git-lfs')) expect(last_sync?.bytes ?? 0, name).toBeLessThan(100_000)
    })

    test.each([1, 2])('is a mirror like any other from then on (sync %i)', async () => {
      if (by !== 'the API') await launch(false)
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
  },
)

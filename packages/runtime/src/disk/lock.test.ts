// lock.test.ts — A file is locked for one process at a time, whatever becomes of the file.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockFile, ownerOf } from './lock.ts'

const makePath = () => {
  const folder = mkdtempSync(join(tmpdir(), 'kagami-lock-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'worker.lock')
}

test('a locked file cannot be locked again until it is released, and says who has the lock', async () => {
  const path = makePath()
  const lock = await lockFile(path)
  expect(await lockFile(path)).toBeNull()
  expect(ownerOf(path)).toMatch(new RegExp(`^process ${process.pid} on `))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  lock!.release()
  expect(ownerOf(path)).toBeNull()
  const again = await lockFile(path)
  expect(again).toMatchObject({ left: null })
  again!.release()
})

test('a process that is killed loses its lock, also in a network of its own', async () => {
  const path = makePath()
  const program = `
    const { lockFile } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.ts'))})
    console.log((await lockFile(${JSON.stringify(path)})) === null ? 'taken' : 'locked')
    setInterval(() => {}, 1000)`
  const words = [process.execPath, '--input-type=module', '-e', program]
  const apart = process.getuid?.() === 0 ? ['unshare', '--net', '--', ...words] : words
  const other = spawn(apart[0]!, apart.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => other.once('exit', resolve))
  const said = await new Promise<string>((resolve) => other.stdout.once('data', (data) => resolve(String(data))))
  expect(said).toBe('locked\n')
  expect(await lockFile(path)).toBeNull()
  expect(ownerOf(path)).toContain(`process ${other.pid} on `)
  other.kill('SIGKILL')
  await ended
  const lock = await lockFile(path)
  expect(lock).toMatchObject({ left: null })
  lock!.release()
})

test('one that had the lock under another kernel, and did not release it, is named', async () => {
  const path = makePath()
  writeFileSync(path, 'elsewhere\n7\n00000000-0000-0000-0000-000000000000\n')
  const lock = await lockFile(path)
  expect(lock).toMatchObject({ left: 'process 7 on elsewhere' })
  expect(lock!.isOurs()).toBe(true)
  const theirs = 'elsewhere\n7\n00000000-0000-0000-0000-000000000000\n'
  writeFileSync(path, theirs)
  expect(lock!.isOurs()).toBe(false)
  lock!.yield()
  expect(readFileSync(path, 'utf8')).toBe(theirs)
  const again = await lockFile(path)
  writeFileSync(path, theirs)
  again!.touch()
  expect(again!.isOurs()).toBe(true)
  again!.release()
  expect(readFileSync(path, 'utf8')).toBe('')
})

test('a directory in the place of the file is locked just as well', async () => {
  const path = makePath()
  mkdirSync(path)
  const lock = await lockFile(path)
  expect(lock).not.toBeNull()
  expect(await lockFile(path)).toBeNull()
  lock!.release()
  expect(existsSync(path)).toBe(true)
})

// lock.test.ts — A directory is locked for one process and one purpose.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockDirectory } from './lock.ts'

test('a locked directory cannot be locked again until it is released', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-lock-'))
  const lock = await lockDirectory(dir, 'test')
  expect(await lockDirectory(dir, 'test')).toBeNull()
  expect(await lockDirectory(dir, 'another purpose')).not.toBeNull()
  lock!.release()
  await expect.poll(() => lockDirectory(dir, 'test')).not.toBeNull()
})

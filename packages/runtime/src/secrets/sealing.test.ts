import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openSealingKey, seal } from './sealing.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-test-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe('what is sealed for a worker', () => {
  test('is opened by its key, after a restart too, and never looks the same twice', async () => {
    const key = await openSealingKey(join(dir, 'key'))
    const boxes = await Promise.all([1, 2].map(() => seal(key.publicKey, 'w/r', 'secret 雪')))
    expect(boxes[0]).not.toBe(boxes[1])
    expect(boxes.join()).not.toContain('secret')
    const again = await openSealingKey(join(dir, 'key'))
    expect(again.publicKey).toBe(key.publicKey)
    for (const box of boxes) expect(await again.open(box, 'w/r')).toBe('secret 雪')
    expect(statSync(join(dir, 'key')).mode & 0o777).toBe(0o600)
  })

  test('opens for no other key, no other purpose, and not when a byte of it was changed', async () => {
    const key = await openSealingKey(join(dir, 'key'))
    const other = await openSealingKey(join(dir, 'other'))
    const box = await seal(key.publicKey, 'w/r', 'secret')
    const changed = Buffer.from(box, 'base64')
    changed[40]! ^= 1
    await expect(other.open(box, 'w/r')).rejects.toThrow()
    await expect(key.open(box, 'w/another')).rejects.toThrow()
    await expect(key.open(changed.toString('base64'), 'w/r')).rejects.toThrow()
    await expect(key.open('', 'w/r')).rejects.toThrow()
    writeFileSync(join(dir, 'broken'), 'x')
    await expect(openSealingKey(join(dir, 'broken'))).rejects.toThrow()
  })
})

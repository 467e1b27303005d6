// disk-error.test.ts — What this machine refuses names the path, the reason, and the command that mends it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { diskRefusal, refusalCode, userHere, writtenRefusals } from './disk-error.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-disk-error-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const refused = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more })

describe('what this machine refuses', () => {
  test.each([
    ['ENOSPC', 'disk_full', /no space is left \(ENOSPC\)/, /^Free space on \/.* \(df /],
    ['EDQUOT', 'disk_full', /the quota of .*uid \d+.* is used up/, /quota/],
    ['EROFS', 'disk_error', /read-only/, /mount -o remount,rw \//],
    ['EIO', 'disk_error', /the disk fails/, /dmesg/],
    ['ESTALE', 'disk_error', /not reached any more/, /umount -l/],
    ['EACCES', 'local_denied', /uid \d+.*has no right to it \(EACCES\)/, /chown -R|lsattr/],
    ['EPERM', 'local_denied', /uid \d+.*has no right to it \(EPERM\)/, /chown -R|lsattr/],
  ])('%s says whose fault it is, and how it is mended', (code, reason, problem, cure) => {
    const found = diskRefusal(refused(code, { path: join(dir, 'a') }), dir)
    expect(found).toMatchObject({ reason, path: join(dir, 'a') })
    expect(found?.problem).toMatch(problem)
    expect(found?.cure).toMatch(cure)
  })

  test('names the place where the system names no path, and looks for the cause of an error', () => {
    expect(diskRefusal(new Error('outer', { cause: refused('ENOSPC', { syscall: 'write' }) }), dir)?.path).toBe(dir)
    expect(diskRefusal(refused('EACCES', { path: '/a', dest: '/b/c' }), dir)?.path).toBe('/b/c')
  })

  test.each([
    [122, 'disk_full', 'EDQUOT'],
    [116, 'disk_error', 'ESTALE'],
    [117, 'disk_error', 'EUCLEAN'],
  ])('error %i of the system is understood where Node has no name for it', (number, reason, code) => {
    const said = `Unknown system error -${number}`
    const error = Object.assign(new Error(said), { errno: -number, code: said, syscall: 'write' })
    expect([diskRefusal(error, dir), refusalCode(number)]).toEqual([expect.objectContaining({ reason, code }), code])
  })

  test('is understood where rmSync of Node gives it no code', () => {
    const more = { errno: -4094, code: '', path: join(dir, 'a'), syscall: 'rm' }
    const error = Object.assign(new Error(`, Unknown error: Read-only file system '${more.path}'`), more)
    expect(diskRefusal(error, dir)).toMatchObject({ reason: 'disk_error', code: 'EROFS', path: more.path })
  })

  test('is nothing that a connection or a missing program says', () => {
    expect(diskRefusal(refused('EACCES', { syscall: 'connect', path: '/x' }), dir)).toBeNull()
    expect(diskRefusal(refused('EACCES', { syscall: 'spawn git', path: 'git' }), dir)).toBeNull()
    expect(diskRefusal(refused('ENOENT', { path: join(dir, 'a') }), dir)).toBeNull()
  })

  test('is understood by number and by the words of tools', () => {
    expect([refusalCode(13), refusalCode(1), refusalCode(28), refusalCode(2), refusalCode(99999)]).toEqual([
      'EACCES',
      'EPERM',
      'ENOSPC',
      null,
      null,
    ])
    expect(writtenRefusals.map(refusalCode)).not.toContain(null)
    expect(userHere()).toMatch(/uid \d+/)
  })
})

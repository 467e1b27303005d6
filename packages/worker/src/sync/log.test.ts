// log.test.ts — The log of a sync: complete while it is small, bounded when it is not, without secrets, readable in
// pieces.
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRunLog, readLog } from './log.ts'
import { createMask } from './credentials.ts'

let dataDir: string
beforeEach(() => void (dataDir = mkdtempSync(join(tmpdir(), 'kagami-log-'))))
afterEach(() => rmSync(dataDir, { recursive: true }))

const now = () => new Date('2026-05-04T03:02:01.234Z')
const open = (syncId: string, maxBytes?: number) =>
  createRunLog({
    dataDir,
    replicaId: 'r',
    syncId,
    maxBytes,
    now,
    mask: createMask([{ type: 'basic', username: 'bob', password: 'p@ss word' }]),
  })
const read = (offset = 0, limit = 262_144, sync_id = 's') =>
  readLog({ dataDir, replica_id: 'r', sync_id, offset, limit })

describe('the log of a sync', () => {
  it('says when it began, and at what time each line came', () => {
    const log = open('s')
    log.line('I', 'hello')
    log.line('E', 'oh')
    log.close()
    expect(read().text).toBe('2026-05-04T03:02:01.234Z sync s of replica r\n03:02:01.234 I hello\n03:02:01.234 E oh\n')
  })

  it('holds no form of the password', () => {
    const log = open('s')
    log.line('I', `p@ss word ${encodeURIComponent('p@ss word')} ${Buffer.from('bob:p@ss word').toString('base64')}`)
    log.close()
    expect(read().text).toContain('I *** *** ***\n')
  })

  it('keeps its beginning and its end when it is too long, and says what is missing', () => {
    const log = open('s', 2000)
    for (let number = 1; number <= 1000; number++) log.line('I', `line ${number}`)
    log.close()
    const { text } = read()
    expect(text).toContain('I line 1\n')
    expect(text).toMatch(/… \d+ lines were dropped/)
    expect(text.endsWith('I line 1000\n')).toBe(true)
    expect(text.length).toBeLessThan(10_000)
  })

  it('is kept for the last twenty syncs of a replica', () => {
    for (let number = 0; number < 25; number++) {
      open(`s${number}`).close()
      utimesSync(join(dataDir, '.kagami/logs/r', `s${number}.log`), number, number)
    }
    expect(readdirSync(join(dataDir, '.kagami/logs/r')).length).toBe(20)
    expect(readLog({ dataDir, replica_id: 'r', sync_id: 's24', offset: 0, limit: 10 }).found).toBe(true)
  })

  it('is never a file of somebody else', () => {
    writeFileSync(join(dataDir, 'x.log'), 'secret')
    for (const sync_id of ['../../../x', '/etc/passwd', '..', '', 'a/b', 'a\0'])
      expect(read(0, 100, sync_id).found).toBe(false)
    expect(readLog({ dataDir, replica_id: '../..', sync_id: 'x', offset: 0, limit: 100 }).found).toBe(false)
  })

  it('is read in pieces of any size without breaking a character', () => {
    const log = open('s')
    log.line('I', 'äöü € 😀 漢字 ascii '.repeat(20))
    log.close()
    const whole = read().text
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 200 }), (limit) => {
        let text = ''
        for (let at = 0; at < read().size_bytes;) {
          const piece = read(at, limit)
          text += piece.text
          at = piece.next_offset
        }
        expect(text).toBe(whole)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (back) => {
        expect(whole.endsWith(read(-back).text)).toBe(true)
      }),
    )
  })
})

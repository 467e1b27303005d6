// spool.test.ts — Reports wait until the stream has them, are sent again when it was lost, and are sent even when the
// disk refuses them.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { createLogger, newId, type Logger } from '@kagami/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KEEP_SENT, openSpool } from './spool.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const aReport = () => sampleReport({ sync_id: newId() })

describe('a report that the stream has', () => {
  let dir: string
  const sent: string[] = []
  const send = async (report: SyncReport) => sent.push(report.sync_id) > 0
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kagami-spool-'))
    sent.length = 0
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('is sent once, and again only when the stream was created anew, also after a restart', async () => {
    const first = openSpool(dir, logger)
    expect(first.setStream('one')).toBe(false)
    const reports = [aReport(), aReport(), aReport()]
    for (const report of reports) first.keep(report)
    await first.flush(send)
    expect([sent.length, first.size]).toEqual([3, 0])
    const second = openSpool(dir, logger)
    expect([second.size, second.setStream('one'), second.size]).toEqual([0, false, 0])
    expect([second.setStream('two'), second.size]).toEqual([true, 3])
    expect(openSpool(dir, logger).size).toBe(3)
    await second.flush(send)
    expect(sent.slice(3)).toEqual(reports.map((report) => report.sync_id))
    expect([openSpool(dir, logger).size, second.setStream('two')]).toEqual([0, false])
  })

  it('is sent although the disk refuses it', async () => {
    const complaints: unknown[] = []
    const spool = openSpool(dir, {
      ...logger,
      error: (_facts: object, message: string) => void complaints.push(message),
    } as Logger)
    // What a full disk does, also to root.
    rmSync(dir, { recursive: true })
    writeFileSync(dir, '')
    const report = aReport()
    spool.keep(report)
    spool.keep(aReport())
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toMatch(/waits in memory.*lost if this program ends before/)
    expect([spool.size, spool.holds(report.sync_id)]).toEqual([2, true])
    await spool.flush(send)
    expect([sent[0], sent.length, spool.size]).toEqual([report.sync_id, 2, 0])
  })

  it('stays on the disk for its successors’ sake, but not for ever', async () => {
    const spool = openSpool(dir, logger)
    const sent = () => readdirSync(join(dir, 'sent')).filter((file) => file.endsWith('.json'))
    for (let n = 0; n < 20; n++) spool.keep(aReport())
    await spool.flush(send)
    // Written by hand, since each report that is kept is flushed to the disk.
    for (let n = 0; n < KEEP_SENT; n++) writeFileSync(join(dir, 'sent', `${newId()}.json`), '{}')
    const first = sent().sort().slice(0, 20)
    const later = openSpool(dir, logger)
    for (let n = 0; n < 20; n++) later.keep(aReport())
    await later.flush(send)
    expect(sent()).toHaveLength(KEEP_SENT)
    expect(sent().filter((file) => first.includes(file))).toEqual([])
  })
})

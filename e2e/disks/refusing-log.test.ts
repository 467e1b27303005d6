// refusing-log.test.ts — The disk of the logs of syncs refuses them, and nothing else is wrong: however it does, the
// sync goes on. Needs root, to mount.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace } from '../harness/place.ts'
import { fetchDiskTools, HARMS } from './harms.ts'
import { seenIn, startUpstreams, syncOnce, type Upstreams } from './upstreams.ts'

describe.runIf(process.getuid?.() === 0)('logs that the disk refuses', () => {
  const place = createPlace()
  let upstreams: Upstreams

  beforeAll(async () => {
    await fetchDiskTools()
    upstreams = await startUpstreams(place)
  })

  // A disk that only the logs are on, and that is not mounted, is not missed: they are written below it.
  const harms = Object.keys(HARMS).filter((harm) => !HARMS[harm]!.needsFiles && harm !== 'not mounted')
  test.each(harms)('%s: the sync is done, and its report says that it has no log', async (harm) => {
    const dataDir = place.at(harm.replaceAll(/\W+/g, '-'))
    const logs = join(dataDir, '.kagami', 'logs')
    mkdirSync(logs, { recursive: true })
    const { mount, inflict, through } = HARMS[harm]!
    const disk = mount(logs)
    try {
      const sync = { dataDir, kind: 'rsync', upstream: upstreams.url('rsync') } as const
      let mend = () => {}
      const atGate = () => void (mend = inflict(disk, [logs]))
      const report = await syncOnce({ ...sync, atGate, ...(through ? { through } : {}) })
      const shown = JSON.stringify(report)
      expect(report, shown).toMatchObject({ outcome: 'success' })
      expect(seenIn(dataDir, 'rsync')).toEqual(upstreams.now('rsync'))
      expect(report.message, shown).toMatch(/the log of this sync .* cannot be used/)
      mend()
      expect(await syncOnce(sync)).toMatchObject({ outcome: 'success', message: null })
    } finally {
      disk.end()
    }
  })
})

// git-readers.test.ts — keep_deleted of git: readers who were shown refs get what these name, although the
// upstream deleted or rewrote them meanwhile; the copy says until when.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runChild, startGitDaemon, startGitUpstream } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { refsOf, repositoryForEach } from '../testing/git-repository.ts'

const OPTIONS = { keep_deleted: '6h', max_delete_percent: 100, max_shrink_percent: 100 }
const CHANGES = 8
const HOURS_6 = 6 * 3600_000

const rows = ['in-place', 'swap'].flatMap((publish) => [
  { publish, by: 'git://', start: startGitDaemon },
  { publish, by: 'smart http', start: startGitUpstream },
])

describe.each(rows)('a copy with keep_deleted, published $publish, read over $by', ({ publish, start }) => {
  const served = repositoryForEach()
  const { git, change, orphan } = served
  const options = { ...OPTIONS, publish }

  it('gives readers what they were shown, by its id, while its upstream deletes and rewrites', async () => {
    await change('side', 'side-0')
    await served.sync(options)
    const server = await start({ dir: served.sandbox.dataDir })
    served.stops.push(server.stop)
    const address = `${server.url}/copy`
    const reader = join(served.sandbox.dir, 'reader.git')
    mkdirSync(reader)
    await runChild('git', ['init', '-q', '--bare', reader])
    for (let round = 0; round < CHANGES; round++) {
      const shown = (await runChild('git', ['ls-remote', address])).trim().split('\n')
      await git('branch', '-D', `side-${round}`)
      await change(`side ${round + 1}`, `side-${round + 1}`)
      await git('update-ref', 'refs/heads/main', await orphan(`round ${round}`))
      const report = await served.sync(options)
      expect(report, report.tail ?? '').toMatchObject({ outcome: 'success', kept: { count: 2 * (round + 1) } })
      const ids = new Set(shown.map((line) => line.split('\t')[0]!))
      await runChild('git', [`--git-dir=${reader}`, 'fetch', '-q', address, ...ids])
      for (const id of ids) await runChild('git', [`--git-dir=${reader}`, 'cat-file', '-e', id])
    }
    // What is kept is no ref for anybody, and has an end.
    expect((await runChild('git', ['ls-remote', '--heads', address])).trim().split('\n')).toHaveLength(2)
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
    const { kept } = await served.sync(options)
    for (const { lost_at, until } of kept!.refs) expect(Date.parse(until) - Date.parse(lost_at)).toBe(HOURS_6)
    expect(await served.sync({ ...options, keep_deleted: '0' })).toMatchObject({ outcome: 'success', kept: null })
  })
})

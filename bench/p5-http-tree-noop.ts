// p5-http-tree-noop.ts — P5: the time of a sync of an unchanged http tree over `lftp mirror -P8`; without lftp, over
// `curl -z` for each file.
import { join } from 'node:path'
import { findProgram } from '@kagami/runtime'
import { startSyncer, curlConfig, peers, serveFiles } from './http-trees.ts'
import { duel, main, run, timed, type Bench, type Finding } from './measure.ts'

async function body({ dir, quick, onEnd }: Bench): Promise<Finding[]> {
  const count = quick ? 1000 : 5000
  const upstream = await serveFiles(dir, count, onEnd)
  const sync = await startSyncer(onEnd)
  const mirror = { name: 'tree', kind: 'http' as const, upstream }
  const lftp = findProgram('lftp') !== null
  const copy = join(dir, 'peer')
  const config = curlConfig(dir, upstream, count, copy)
  await sync(join(dir, 'ours'), mirror)
  await (lftp ? peers.lftp(upstream, copy) : peers.curl(config))
  const peer = lftp
    ? () => peers.lftp(upstream, copy)
    : () => timed(() => run('curl', ['-s', '-z', 'Wed, 01 Jan 2025 00:00:00 GMT', '-K', config]))
  const { ratio } = await duel(
    `nothing new in ${count} files`,
    { ours: () => sync(join(dir, 'ours'), mirror), peer },
    { rounds: quick ? 3 : 9 },
  )
  return [
    {
      goal: 'P5',
      what: `http tree, nothing new in ${count} files`,
      peer: lftp ? '`lftp mirror -P8`' : '`curl -z`',
      ratio,
      promise: '≤ 1.0',
      met: ratio.median <= 1,
    },
  ]
}

await main('P5 http tree, nothing new', body)

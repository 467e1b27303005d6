// p4-http-tree.ts — P4: the time of a first copy of an http tree of many small files over `curl -Z`, which gets a list
// of all addresses, and over wget and lftp, which read the listings.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '@kagami/runtime'
import { startSyncer, curlConfig, peers, serveFiles } from './http-trees.ts'
import { duel, main, type Bench, type Finding } from './measure.ts'

async function body({ dir, quick, onEnd }: Bench): Promise<Finding[]> {
  const count = quick ? 1000 : 5000
  const upstream = await serveFiles(dir, count, onEnd)
  const sync = await startSyncer(onEnd)
  const fresh = (who: string, copy: (into: string) => Promise<number>) => async (round: number) => {
    const took = await copy(join(dir, `${who}-${round}`))
    rmSync(join(dir, `${who}-${round}`), { recursive: true, force: true })
    return took
  }
  const ours = (against: string) =>
    fresh(`ours-${against}`, (into) => sync(into, { name: 'tree', kind: 'http', upstream }))
  const contenders: [string, string, number, (into: string) => Promise<number>][] = [
    ['curl', '`curl -Z --parallel-max 8`', 1.6, (into) => peers.curl(curlConfig(dir, upstream, count, into))],
    ['wget', '`wget -m`', 1, (into) => peers.wget(upstream, into)],
    ['lftp', '`lftp mirror -P8`', 1, (into) => peers.lftp(upstream, into)],
  ]
  const findings: Finding[] = []
  for (const [program, peer, most, copy] of contenders) {
    if (!findProgram(program)) continue
    const { ratio } = await duel(
      `${count} × 8 KB against ${program}`,
      { ours: ours(program), peer: fresh(program, copy) },
      { rounds: quick ? 3 : 7 },
    )
    findings.push({
      goal: 'P4',
      what: `http tree, first copy of ${count} × 8 KB`,
      peer,
      ratio,
      promise: most === 1 ? '< 1' : `≤ ${most}`,
      met: most === 1 ? ratio.median < 1 : ratio.median <= most,
    })
  }
  return findings
}

await main('P4 http tree', body)

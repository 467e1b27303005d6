// p2-rsync.ts — P2: what an rsync sync of 100,000 small files costs over bare `rsync -a --delete-delay`: a first copy,
// when nothing changed, and when one in a hundred changed; with the option probe over a dry run of rsync, when nothing
// changed.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream } from '@kagami/demo'
import { duel, main, run, timed, type Bench, type Finding } from './measure.ts'
import { syncOnce } from './sync.ts'

const PER_FOLDER = 100
const TRACE = 'trace'

function makeFiles(root: string, count: number): void {
  const content = Buffer.alloc(1100, 'kagami ')
  for (let folder = 0; folder < count / PER_FOLDER; folder++) {
    const path = join(root, `d${folder}`)
    mkdirSync(path, { recursive: true })
    for (let file = 0; file < PER_FOLDER; file++)
      writeFileSync(join(path, `f${file}`), content.subarray(0, 100 + ((folder * 7 + file * 13) % 1000)))
  }
}

/** Changes one file in a hundred, other ones in each round, and once for both contenders. */
function changer(root: string, count: number): (round: number) => void {
  let done = -1
  return (round) => {
    if (round === done) return
    done = round
    for (let file = round % PER_FOLDER; file < count; file += PER_FOLDER)
      writeFileSync(join(root, `d${Math.floor(file / PER_FOLDER)}`, `f${file % PER_FOLDER}`), `changed in ${round}\n`)
  }
}

async function body({ dir, quick, onEnd }: Bench): Promise<Finding[]> {
  const count = quick ? 10_000 : 100_000
  makeFiles(join(dir, 'upstream', 'files'), count)
  writeFileSync(join(dir, 'upstream', 'files', TRACE), 'a date\n')
  const daemon = await startRsyncUpstream({ dir: join(dir, 'upstream') })
  onEnd(daemon.stop)
  // The peer does not compress, so we do not either; by default this kind does.
  const mirror = { name: 'tree', kind: 'rsync' as const, upstream: daemon.url, options: { compress: false } }
  const bare = (into: string) => run('rsync', ['-a', '--delete-delay', daemon.url, `${into}/`])
  const contenders = {
    ours: (into: string) => syncOnce(into, mirror),
    peer: (into: string) => timed(() => bare(into)),
  }
  const fresh = (who: 'ours' | 'peer') => async (round: number) => {
    // Nothing is removed between the two runs of a pair, because the filesystem would still be busy with it.
    const into = join(dir, `${who}-${round}`)
    const took = await contenders[who](into)
    rmSync(join(dir, `${who}-${round - 1}`), { recursive: true, force: true })
    return took
  }
  const rounds = quick ? 2 : 3
  const first = await duel(`first copy, ${count} files`, { ours: fresh('ours'), peer: fresh('peer') }, { rounds })
  const nothing = await duel(
    `nothing new, ${count} files`,
    {
      ours: () => contenders.ours(join(dir, `ours-${rounds}`)),
      peer: () => contenders.peer(join(dir, `peer-${rounds}`)),
    },
    { rounds: quick ? 3 : 7 },
  )
  const change = changer(join(dir, 'upstream', 'files'), count)
  const changed = (who: 'ours' | 'peer') => (round: number) => {
    change(round)
    return contenders[who](join(dir, `${who}-${rounds}`))
  }
  const some = await duel(
    `1 % changed, ${count} files`,
    { ours: changed('ours'), peer: changed('peer') },
    { rounds: quick ? 3 : 7 },
  )
  const copy = join(dir, `ours-${rounds}`)
  const probed = { ...mirror, options: { ...mirror.options, probe: TRACE }, files: count }
  await syncOnce(copy, probed)
  const dry = () => run('rsync', ['-a', '--delete', '--dry-run', daemon.url, `${join(dir, `peer-${rounds}`)}/`])
  const unlisted = await duel(
    `nothing new by the trace, ${count} files`,
    { ours: () => syncOnce(copy, probed), peer: () => timed(dry) },
    { rounds: quick ? 3 : 7 },
  )
  const finding = (
    what: string,
    ratio: Finding['ratio'],
    most: number,
    peer = '`rsync -a --delete-delay`',
  ): Finding => ({
    goal: 'P2',
    what,
    peer,
    ratio,
    promise: `≤ ${most.toFixed(2)}`,
    met: ratio.median <= most,
  })
  return [
    finding(`rsync sync, first copy of ${count} files`, first.ratio, 1.1),
    finding(`rsync sync, nothing new in ${count} files`, nothing.ratio, 1.1),
    finding(`rsync sync, 1 % changed of ${count} files`, some.ratio, 1.3),
    finding(`rsync sync with probe, nothing new in ${count} files`, unlisted.ratio, 0.25, 'its dry run'),
  ]
}

await main('P2 rsync', body)

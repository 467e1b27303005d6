// p2-rsync.ts — P2: what an rsync sync of 100,000 small files costs over bare `rsync -a --delete-delay`, on tmpfs and
// on the disk: a first copy, nothing new, and one in a hundred changed; with the option probe, over its dry run.
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
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

/** Names of filesystems by the number that statfs tells. */
const FILESYSTEMS: Readonly<Record<number, string>> = {
  0x01021994: 'tmpfs',
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x794c7630: 'overlay',
}

const filesystemOf = (path: string) => FILESYSTEMS[statfsSync(path).type] ?? 'another filesystem'

interface Copies {
  /** Both contenders write below it. */
  readonly at: string
  /** The served files. */
  readonly files: string
  readonly url: string
  readonly quick: boolean
}

async function body({ dir, disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const files = join(dir, 'upstream', 'files')
  makeFiles(files, countOf(quick))
  writeFileSync(join(files, TRACE), 'a date\n')
  const daemon = await startRsyncUpstream({ dir: join(dir, 'upstream') })
  onEnd(daemon.stop)
  const onlyDisk = filesystemOf(dir) === filesystemOf(disk)
  const findings: Finding[] = []
  for (const at of onlyDisk ? [disk] : [dir, disk])
    findings.push(...(await measure({ at, files, url: daemon.url, quick })))
  return findings
}

const countOf = (quick: boolean) => (quick ? 10_000 : 100_000)

async function measure({ at, files, url, quick }: Copies): Promise<Finding[]> {
  const count = countOf(quick)
  const where = `${count} files on ${filesystemOf(at)}`
  // The peer does not compress, so we do not either; by default this kind does.
  const mirror = { name: 'tree', kind: 'rsync' as const, upstream: url, options: { compress: false } }
  const bare = (into: string) => run('rsync', ['-a', '--delete-delay', url, `${into}/`])
  const flush = (path: string) => run('sync', ['-f', path])
  const contenders = {
    ours: (into: string) => syncOnce(into, mirror),
    peer: (into: string) => timed(() => bare(into)),
    // What changed is on the disk when a sync of ours ends.
    flushed: (into: string) => timed(() => bare(into).then(() => flush(into))),
  }
  const copyOf = (who: 'ours' | 'peer', round: number) => join(at, `${who}-${round}`)
  const fresh = (who: 'ours' | 'peer') => async (round: number) => {
    // Nothing is removed between the two runs of a pair, because the filesystem would still be busy with it.
    const took = await contenders[who === 'ours' ? who : 'flushed'](copyOf(who, round))
    rmSync(copyOf(who, round - 1), { recursive: true, force: true })
    await flush(at)
    return took
  }
  const rounds = quick ? 2 : 4
  const more = { rounds: quick ? 3 : 7 }
  const first = await duel(`first copy, ${where}`, { ours: fresh('ours'), peer: fresh('peer') }, { rounds })
  const [ours, peer] = [copyOf('ours', rounds), copyOf('peer', rounds)]
  const same = { ours: () => contenders.ours(ours), peer: () => contenders.peer(peer) }
  const nothing = await duel(`nothing new, ${where}`, same, more)
  const change = changer(files, count)
  const changed = (sync: () => Promise<number>) => (round: number) => {
    change(round)
    return sync()
  }
  const some = await duel(
    `1 % changed, ${where}`,
    { ours: changed(() => contenders.ours(ours)), peer: changed(() => contenders.flushed(peer)) },
    more,
  )
  const probed = { ...mirror, options: { ...mirror.options, probe: TRACE }, files: count }
  await syncOnce(ours, probed)
  const dry = () => run('rsync', ['-a', '--delete', '--dry-run', url, `${peer}/`])
  const traced = { ours: () => syncOnce(ours, probed), peer: () => timed(dry) }
  const unlisted = await duel(`nothing new by the trace, ${where}`, traced, more)
  for (const copy of [ours, peer]) rmSync(copy, { recursive: true, force: true })
  const [plain, flushing] = ['`rsync -a --delete-delay`', '`rsync -a --delete-delay` and `sync -f`']
  return [
    finding(`rsync sync, first copy of ${where}`, flushing, first.ratio, 1.1),
    finding(`rsync sync, nothing new in ${where}`, plain, nothing.ratio, 1.05),
    finding(`rsync sync, 1 % changed of ${where}`, flushing, some.ratio, 1.3),
    finding(`rsync sync with probe, nothing new in ${where}`, 'its dry run', unlisted.ratio, 0.25),
  ]
}

const finding = (what: string, peer: string, ratio: Finding['ratio'], most: number): Finding => ({
  goal: 'P2',
  what,
  peer,
  ratio,
  promise: `≤ ${most.toFixed(2)}`,
  met: ratio.median <= most,
})

await main('P2 rsync', body)

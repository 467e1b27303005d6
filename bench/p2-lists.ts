// p2-lists.ts — P2 for very large trees: an rsync sync of 2,000,000 entries behind an upstream that publishes a list of
// all it has (option list), over bare `rsync -a --delete-delay`: when nothing changed, when the list was only made
// anew, and when 20 files changed. And what that takes of memory.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { startRsyncUpstream } from '@kagami/demo'
import { duel, main, run, timed, type Bench, type Finding } from './measure.ts'
import { syncOnce } from './sync.ts'

const PER_FOLDER = 500
const LIST = 'fullfiletimelist-bench'
const CHANGED = 20
const MEMORY_MAX_MIB = 100
const LOOK_MS = 100

const folderOf = (file: number) => `d${Math.floor(file / PER_FOLDER / 100)}/e${Math.floor(file / PER_FOLDER)}`
const pathOf = (file: number) => `${folderOf(file)}/package-name-${file}-1.2.3-4.fc44.x86_64.rpm`

/** A tree of small files, with a list of them that is made anew in each round. */
function makeTree(root: string, count: number) {
  const changed = new Map<number, number>()
  for (let file = 0; file < count; file++) {
    if (file % PER_FOLDER === 0) mkdirSync(join(root, folderOf(file)), { recursive: true })
    writeFileSync(join(root, pathOf(file)), '')
  }
  let made = 0
  return {
    change(round: number) {
      for (let file = round; file < count; file += Math.ceil(count / CHANGED)) {
        writeFileSync(join(root, pathOf(file)), `changed in ${round}\n`)
        changed.set(file, round + 1)
      }
    },
    async list() {
      const path = join(root, '..', 'list')
      const out = await open(path, 'w')
      await out.write('[Version]\n2\n\n[Files]\n')
      for (let from = 0; from < count; from += PER_FOLDER) {
        let text = `1463607660\td\t4096\t${folderOf(from)}\n`
        for (let file = from; file < Math.min(from + PER_FOLDER, count); file++)
          text += `${1463607660 + (changed.get(file) ?? 0)}\tf\t${changed.has(file) ? 13 : 0}\t${pathOf(file)}\n`
        await out.write(text)
      }
      await out.write(`\n[Checksums SHA1]\n\n[End]\n${'\n'.repeat(made++)}`)
      await out.close()
      renameSync(path, join(root, LIST))
    },
  }
}

/** The most memory of this process while something runs, less what it had before, MiB. */
async function growthWhile(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss
  let most = before
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), LOOK_MS)
  await work()
  clearInterval(timer)
  return (Math.max(most, process.memoryUsage().rss) - before) / 1024 ** 2
}

async function body({ disk: dir, quick, onEnd }: Bench): Promise<Finding[]> {
  const count = quick ? 50_000 : 2_000_000
  const tree = makeTree(join(dir, 'upstream', 'files'), count)
  await tree.list()
  const daemon = await startRsyncUpstream({ dir: join(dir, 'upstream') })
  onEnd(daemon.stop)
  const options = { compress: false, list: LIST }
  const mirror = { name: 'tree', kind: 'rsync' as const, upstream: daemon.url, options }
  const ours = (files = count) => syncOnce(join(dir, 'ours'), { ...mirror, ...(files === 0 ? {} : { files }) })
  const peer = () => timed(() => run('rsync', ['-a', '--delete-delay', daemon.url, `${join(dir, 'peer')}/`]))
  // A first copy, and a look at everything.
  await ours(0)
  await ours()
  await peer()
  const rounds = quick ? 2 : 3
  const nothing = await duel(`nothing new, ${count} files`, { ours: () => ours(), peer }, { rounds })
  const anew = await duel(
    `the list made anew, ${count} files`,
    { ours: async () => (await tree.list(), ours()), peer },
    { rounds },
  )
  const changing = (work: () => Promise<number>) => async (round: number) => {
    tree.change(round)
    await tree.list()
    return work()
  }
  const some = await duel(
    `${CHANGED} changed of ${count}`,
    { ours: changing(() => ours()), peer: changing(peer) },
    { rounds },
  )
  await tree.list()
  const growth = await growthWhile(() => ours())
  const finding = (what: string, ratio: Finding['ratio'], most: number): Finding => ({
    goal: 'P2',
    what: `rsync sync by the upstream's list, ${what}`,
    peer: '`rsync -a --delete-delay`',
    ratio,
    promise: `≤ ${most}`,
    met: ratio.median <= most,
  })
  return [
    finding(`nothing new in ${count} files`, nothing.ratio, 0.1),
    finding(`list made anew, ${count} files`, anew.ratio, 0.6),
    finding(`${CHANGED} changed of ${count} files`, some.ratio, 0.6),
    {
      goal: 'P2',
      what: `memory for the list of ${count} files, MiB`,
      peer: 'itself before',
      ratio: { median: growth, min: growth, max: growth },
      promise: `≤ ${MEMORY_MAX_MIB}`,
      met: growth <= MEMORY_MAX_MIB,
    },
  ]
}

await main('P2 lists', body)

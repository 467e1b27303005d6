// p1-git.ts — P1: what a git sync costs over bare `git fetch --prune`, when nothing changed, after 100 commits, and
// with 50,000 refs.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild, startGitDaemon } from '@kagami/demo'
import { duel, main, run, timed, type Bench, type Duel, type Finding } from './measure.ts'
import { syncOnce } from './sync.ts'

/** The git settings of the user must have no effect. */
const env = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
}
const FILES = 400

/** Adds commits to `main`, each changing one file of a tree of 400. */
async function addCommits(repository: string, from: number, count: number): Promise<void> {
  const text = (value: string) => `data ${Buffer.byteLength(value)}\n${value}\n`
  const commits = Array.from({ length: count }, (_, i) => {
    const n = from + i
    const file = `d${n % 20}/f${n % FILES}`
    return (
      `commit refs/heads/main\ncommitter Bench <bench@example.org> ${1_700_000_000 + n} ` +
      `+0000\n${text(`change ${n}`)}${i === 0 && n > 0 ? 'from refs/heads/main^0\n' : ''}M 100644 inline ` +
      `${file}\n${text(`${n} `.repeat(80))}`
    )
  })
  await runChild('git', [`--git-dir=${repository}`, 'fast-import', '--quiet', '--force'], { stdin: commits.join('') })
}

/** Adds many tags that point to the newest commits of a repository, packed as on a server. */
function addRefs(repository: string, count: number): void {
  const ids = execFileSync('git', [`--git-dir=${repository}`, 'rev-list', '-n', '1000', 'main'], {
    env,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
  const lines = Array.from(
    { length: count },
    (_, i) => `${ids[i % ids.length]} refs/tags/v${String(i).padStart(6, '0')}`,
  )
  writeFileSync(
    join(repository, 'packed-refs'),
    `# pack-refs with: peeled fully-peeled sorted \n${ids[0]} refs/heads/main\n${lines.join('\n')}\n`,
  )
}

async function makeRepository(repository: string, commits: number): Promise<void> {
  await run('git', ['init', '-q', '--bare', '--template=', '-b', 'main', repository], { env })
  await addCommits(repository, 0, commits)
  await run('git', [`--git-dir=${repository}`, 'repack', '-adq'], { env })
}

const PEER = '`git fetch --prune`'
/** `≤ 1.05 + 15 ms`: the fixed part pays for the log, the report and the containment. */
const within = ({ ours, peer }: Duel) => ours.median <= peer.median * 1.05 + 15
const finding = (what: string, result: Duel): Finding => ({
  goal: 'P1',
  what,
  peer: PEER,
  ratio: result.ratio,
  promise: '≤ 1.05 + 15 ms',
  met: within(result),
  note: `${(result.ours.median - result.peer.median).toFixed(1)} ms between the medians`,
})

async function body({ dir, quick, onEnd }: Bench): Promise<Finding[]> {
  const [commits, refs, rounds] = quick ? [1000, 5000, 3] : [20_000, 50_000, 11]
  const upstreams = join(dir, 'upstream')
  const daemon = await startGitDaemon({ dir: upstreams })
  onEnd(daemon.stop)
  const [big, wide] = [join(upstreams, 'big.git'), join(upstreams, 'wide.git')]
  await makeRepository(big, commits)
  await makeRepository(wide, 1000)
  addRefs(wide, refs)
  const contenders = async (name: string) => {
    const upstream = `${daemon.url}/${name}.git`
    const peer = join(dir, `peer-${name}.git`)
    await run('git', ['clone', '-q', '--mirror', upstream, peer], { env })
    const mirror = { name, kind: 'git' as const, upstream }
    await syncOnce(join(dir, 'ours'), mirror)
    return {
      ours: () => syncOnce(join(dir, 'ours'), mirror),
      peer: () => timed(() => run('git', [`--git-dir=${peer}`, 'fetch', '-q', '--prune'], { env })),
    }
  }
  const onBig = await contenders('big')
  const nothing = await duel(`nothing new, ${commits} commits`, onBig, { rounds })
  const seen = new Set<number>()
  const afterChange = (fetch: () => Promise<number>) => async (round: number) => {
    if (!seen.has(round)) await addCommits(big, commits + round * 100, 100)
    seen.add(round)
    return fetch()
  }
  const more = await duel(
    '100 new commits',
    { ours: afterChange(onBig.ours), peer: afterChange(onBig.peer) },
    { rounds: quick ? 3 : 7 },
  )
  const many = await duel(`nothing new, ${refs} refs`, await contenders('wide'), { rounds: quick ? 3 : 7 })
  return [
    finding('git sync, nothing new', nothing),
    finding('git sync, 100 new commits', more),
    {
      goal: 'P1',
      what: `git sync, nothing new in ${refs} refs`,
      peer: PEER,
      ratio: many.ratio,
      promise: '≤ 0.6',
      met: many.ratio.median <= 0.6,
    },
  ]
}

await main('P1 git', body)

// measure.ts — How every benchmark measures: Kagami and a peer in turns, medians with their spread, and the ratio of
// each pair. Knows nothing about Kagami.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { putOnPath } from '@kagami/runtime'

/** One promise, measured. */
export interface Finding {
  /** `P1`, as docs/benchmarks.md numbers the goals. */
  readonly goal: string
  readonly what: string
  readonly peer: string
  /** Ours over the peer's; for a promise without a peer, the figure itself. */
  readonly ratio: Spread
  /** The promise in words, `≤ 1.5`. */
  readonly promise: string
  readonly met: boolean
  readonly note?: string
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** What a benchmark gets. */
export interface Bench {
  /** A scratch folder, on tmpfs if there is one, so that the speed of the disk does not matter. Removed afterwards. */
  readonly dir: string
  /** A scratch folder on the disk, for promises that include durable writes. Removed afterwards. */
  readonly disk: string
  /** Small sizes: they show that the benchmark works, but prove nothing. */
  readonly quick: boolean
  /** Calls this when the benchmark ends, the last one first. */
  onEnd(end: () => unknown): void
}

const TMPFS = '/dev/shm'
const TMPFS_MIN_BYTES = 6 * 1024 ** 3

/** Runs one benchmark: `node bench/<file> [--quick]`. Exits with 1 only when it could not run. */
export async function main(title: string, body: (bench: Bench) => Promise<Finding[]>): Promise<void> {
  const quick = process.argv.includes('--quick')
  console.log(`\n${title}${quick ? ' (quick)' : ''}, load ${loadavg()[0]!.toFixed(1)}`)
  const ends: (() => unknown)[] = []
  const scratch = (parent: string) => {
    const dir = mkdtempSync(join(parent, 'kagami-bench-'))
    ends.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
    return dir
  }
  const stop = () => process.exit(130)
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    await putOnPath(['git', 'rsync'], console.log)
    const findings = await body({
      dir: scratch(hasTmpfs() ? TMPFS : tmpdir()),
      disk: scratch(tmpdir()),
      quick,
      onEnd: (end) => void ends.push(end),
    })
    for (const finding of findings) console.log(`  ${describe(finding)}`)
    process.send?.(findings)
    process.exitCode = 0
  } catch (error) {
    console.error('  could not run:', error)
    process.exitCode = 1
  }
  for (const end of ends.reverse()) await Promise.resolve(end()).catch(() => {})
  process.exit()
}

function hasTmpfs(): boolean {
  try {
    const { bavail, bsize } = statfsSync(TMPFS)
    return bavail * bsize > TMPFS_MIN_BYTES
  } catch {
    return false
  }
}

function describe({ goal, what, peer, ratio, promise, met, note }: Finding): string {
  return (
    `${goal} ${what} over ${peer}: ${show(ratio, 2)}, promised ${promise}: ` +
    `${met ? 'met' : 'NOT MET'}${note ? `   (${note})` : ''}`
  )
}

/** `1.02 [0.98–1.10]` */
export function show({ median, min, max }: Spread, digits = 1): string {
  return `${median.toFixed(digits)} [${min.toFixed(digits)}–${max.toFixed(digits)}]`
}

/** Median, minimum and maximum. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}

/** The quantile `q` of the samples. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
}

/** Does its work once and returns the cost of that, without the cost of preparations. */
export type Contender = (round: number) => Promise<number>

export interface Duel {
  readonly ours: Spread
  readonly peer: Spread
  /** Ratios of the pairs of each round: when the machine is slow for a while, both are. */
  readonly ratio: Spread
}

/** Runs two contenders in turns, each first in every other round, after one round that does not count. Prints both. */
export async function duel(
  label: string,
  contenders: { ours: Contender; peer: Contender },
  options: { rounds: number; unit?: string },
): Promise<Duel> {
  const ours: number[] = []
  const peer: number[] = []
  for (let round = 0; round <= options.rounds; round++) {
    const first = round % 2 === 0
    if (first) ours.push(await contenders.ours(round))
    peer.push(await contenders.peer(round))
    if (!first) ours.push(await contenders.ours(round))
  }
  ours.shift()
  peer.shift()
  const result = {
    ours: spread(ours),
    peer: spread(peer),
    ratio: spread(ours.map((cost, round) => cost / peer[round]!)),
  }
  console.log(
    `  ${label}: ours ${show(result.ours)} ${options.unit ?? 'ms'}, peer ${show(result.peer)} ` +
      `${options.unit ?? 'ms'}, ratio ${show(result.ratio, 2)}, ${options.rounds} rounds`,
  )
  return result
}

/** Runs some work and returns its milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Runs a program until it ends, and ignores its output. Throws when it does not exit with 0. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  const child = spawn(command, [...args], { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  let errorOutput = ''
  child.stderr.on('data', (chunk: Buffer) => (errorOutput = (errorOutput + chunk.toString()).slice(-500)))
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`${command} ${args.join(' ').slice(0, 100)} ended with ${code}: ${errorOutput}`)
}

/** Calls `probe` until it returns something, and returns that. */
export async function until<T>(what: string, probe: () => T | Promise<T>, timeoutMs = 20_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await Promise.resolve()
      .then(probe)
      .catch(() => null)
    if (value) return value
    if (performance.now() > deadline) throw new Error(`timed out while waiting until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

// all.ts — `npm run bench` runs every benchmark, `npm run bench p6 p8` the named ones, `-- --quick` with small sizes.
// It ends with a table of the promises. Each benchmark runs in its own process, one after the other. A missed promise
// is only shown; a benchmark that cannot run is an error.
import { fork } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { show, type Finding } from './measure.ts'

const words = process.argv.slice(2)
const flags = words.filter((word) => word.startsWith('-'))
const wanted = words.filter((word) => !word.startsWith('-')).map((word) => word.toLowerCase())

if (flags.includes('--help')) {
  console.log(
    'npm run bench [p1 p2 …] [-- --quick]   run the benchmarks of bench/, all or the named ones; --quick with ' +
      'small sizes; --minutes=N and --hour say how long p7 goes on, else ten minutes; --replicas=1 or =100 is the ' +
      'fleet of p11, else 10000',
  )
  process.exit()
}

const number = (file: string) => Number(/^p(\d+)-/.exec(file)?.[1])
const files = readdirSync(import.meta.dirname)
  .filter((file) => /^p\d+-.*\.ts$/.test(file))
  .filter(
    (file) =>
      wanted.length === 0 ||
      wanted.some((word) => file.startsWith(`${word}-`) || file === `${word}.ts` || file === word),
  )
  .sort((a, b) => number(a) - number(b))

if (files.length === 0) {
  console.error(`error: there is no benchmark ${wanted.join(', ')}\nhint: see bench/, for example npm run bench p6`)
  process.exit(2)
}

const findings: Finding[] = []
const failed: string[] = []
const started = performance.now()
for (const file of files) {
  const child = fork(join(import.meta.dirname, file), flags)
  child.on('message', (found) => findings.push(...(found as Finding[])))
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  if (code === 130) process.exit(130)
  if (code !== 0) failed.push(file)
}

const rows = findings.map(({ goal, what, peer, ratio, promise, met }) => [
  goal,
  what,
  peer,
  show(ratio, 2),
  promise,
  met ? 'yes' : 'NO',
])
const table = [['', 'what', 'over', 'ratio', 'promise', 'met?'], ...rows]
const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
console.log(
  `\n${table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}`,
)
console.log(
  `\n${((performance.now() - started) / 1000).toFixed(0)} s, ${availableParallelism()} cores, load now ` +
    `${loadavg()[0]!.toFixed(1)}. Ratios are medians [least–most] of pairs run in turns.`,
)
if (failed.length > 0) console.error(`could not run: ${failed.join(', ')}`)
process.exit(failed.length > 0 ? 1 : 0)

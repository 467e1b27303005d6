// faults.ts — `npm run test:faults`: injects every fault of the scoreboard at full size and prints for each promise
// whether it holds, and what was counted.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scoreboard, type Row } from '../e2e/faults/scoreboard.ts'
import { build } from './build.ts'

const root = join(import.meta.dirname, '..')
const chosen = process.argv.slice(2).map(Number).filter(Number.isInteger)
const rows = chosen.length > 0 ? scoreboard.filter(({ row }) => chosen.includes(row)) : scoreboard
const files = [...new Set(rows.flatMap(({ proofs }) => proofs.map(([file]) => file)))]
await build({ onlyIfStale: true })
const scratch = mkdtempSync(join(tmpdir(), 'kagami-faults-'))
const outcome = join(scratch, 'outcome.json')
const vitest = [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${outcome}`,
  '--testTimeout=1800000',
  ...files,
]
spawnSync(process.execPath, vitest, { cwd: root, stdio: 'inherit', env: { ...process.env, KAGAMI_FAULTS: 'full' } })

interface Test {
  readonly fullName: string
  readonly status: string
  readonly meta?: { figure?: string }
}
interface Outcome {
  readonly testResults: { readonly name: string; readonly assertionResults: readonly Test[] }[]
}
const ran = JSON.parse(readFileSync(outcome, 'utf8')) as Outcome
rmSync(scratch, { recursive: true, force: true })

const verdicts = rows.map(verdictOf)
console.log('\nThe scoreboard of faults')
for (const { text } of verdicts) console.log(text)
const held = verdicts.filter(({ holds }) => holds).length
console.log(`\n${held} of ${rows.length} promises hold`)
process.exit(held === rows.length ? 0 : 1)

function verdictOf({ row, fault, promise, proofs }: Row): { holds: boolean; text: string } {
  // What is not for one of two databases, or for who is not root, proves nothing and harms nothing.
  const tests = proofs.map(([file, title]) => testsOf(file, title).filter(({ status }) => status !== 'skipped'))
  const holds = tests.every((found) => found.length > 0 && found.every((test) => test.status === 'passed'))
  const figures = tests.flat().flatMap((test) => test.meta?.figure ?? [])
  const passed = tests.flat().filter((test) => test.status === 'passed').length
  const wrong = holds
    ? []
    : tests.flatMap((found, index) =>
        found.length === 0
          ? [`not run: ${proofs[index]![1]}`]
          : found.filter((test) => test.status !== 'passed').map((test) => `${test.status}: ${test.fullName}`),
      )
  const counted = figures.length > 0 ? figures.join('; ') : `${passed} ${passed === 1 ? 'test' : 'tests'}`
  return {
    holds,
    text:
      `${holds ? '  ok ' : 'FAIL '} ${String(row).padStart(2)}  ${fault}: ${promise} ` +
      `(${counted})${wrong.map((line) => `\n          ${line}`).join('')}`,
  }
}

function testsOf(file: string, title: string): Test[] {
  const words = title.split(' ')
  const kind = /^(git|rsync|http)$/.test(words[0] ?? '') ? words.shift() : undefined
  const all = ran.testResults
    .filter(({ name }) => name.endsWith(file))
    .flatMap(({ assertionResults }) => assertionResults)
  // A title of several tests has %s for what differs.
  const parts = words.join(' ').split('%s')
  return all.filter(
    ({ fullName }) =>
      parts.every((part) => fullName.includes(part)) && (kind === undefined || fullName.includes(`kind ${kind}`)),
  )
}

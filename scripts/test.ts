// test.ts — `npm test`: builds the UI and the bundle, runs all tests, and ends with the line `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.ts'

const root = join(import.meta.dirname, '..')
await build({ onlyIfStale: true })
const scratch = mkdtempSync(join(tmpdir(), 'kagami-tests-'))
const outcome = join(scratch, 'outcome.json')
const vitest = [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${outcome}`,
]
const run = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
const { passed, failed } = readCounts(outcome, run.status ?? 1)
rmSync(scratch, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || run.status !== 0 ? 1 : 0)

interface Outcome {
  numPassedTests: number
  numFailedTests: number
  testResults: { status: string; assertionResults: unknown[] }[]
}

/** Reads the counts. A file that could not be loaded has no tests, and counts as one failed test. */
function readCounts(path: string, status: number): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, 'utf8')) as Outcome
    const unloaded = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
    return { passed: numPassedTests, failed: Math.max(numFailedTests + unloaded, status === 0 ? 0 : 1) }
  } catch {
    return { passed: 0, failed: 1 }
  }
}

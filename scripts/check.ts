// check.ts — `npm run check`: types, lint, format, generated pages, the rules of the house and the tests of the rooms
// that changed, side by side. Run it before each commit.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { buildUi } from './build-ui.ts'
import { changedFiles, testsFor } from './check/selection.ts'

const ROOT = join(import.meta.dirname, '..')
const CACHE = join(ROOT, 'node_modules', '.cache', 'kagami')
const SUBJECT_MAX = 72

interface Step {
  readonly what: string
  /** A program of node_modules/.bin, or a script, and its arguments. */
  readonly command: readonly string[]
}

const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name)
const changed = changedFiles(ROOT)
// A removed test has nothing to run.
const tests = testsFor(changed).filter((path) => existsSync(join(ROOT, path)))
const touches = (...folders: string[]) => changed.some((file) => folders.some((folder) => file.startsWith(folder)))

mkdirSync(CACHE, { recursive: true })
const incremental = (name: string) => ['--incremental', '--tsBuildInfoFile', join(CACHE, `${name}.tsbuildinfo`)]
const vitest = join('node_modules', 'vitest', 'vitest.mjs')
const steps: Step[] = [
  { what: `tests: ${tests.join(', ')}`, command: [vitest, 'run', '--reporter=dot', ...tests] },
  { what: 'types', command: [bin('tsc'), '-p', 'tsconfig.json', ...incremental('types')] },
  ...(touches('packages/webui/', 'packages/protocol/', 'package.json', 'package-lock.json')
    ? [
        {
          what: 'types of the UI',
          command: [bin('vue-tsc'), '--noEmit', '-p', 'packages/webui/tsconfig.json', ...incremental('ui')],
        },
      ]
    : []),
  { what: 'lint', command: [bin('oxlint'), '--type-aware', 'packages', 'e2e', 'bench', 'scripts'] },
]

const started = performance.now()
if (tests.some((path) => /ui/.test(path))) buildUi({ onlyIfStale: true })
const failures: string[] = subjectProblems()
const queue = [...steps]
await Promise.all(Array.from({ length: availableParallelism() }, runSteps))
const seconds = ((performance.now() - started) / 1000).toFixed(1)
for (const failure of failures) console.error(`\n${failure}`)
console.log(failures.length > 0 ? `\nFAIL after ${seconds} s` : `ok in ${seconds} s`)
process.exit(failures.length > 0 ? 1 : 0)

async function runSteps(): Promise<void> {
  for (let step = queue.shift(); step; step = queue.shift()) await runStep(step)
}

async function runStep({ what, command }: Step): Promise<void> {
  const begun = performance.now()
  const env = { ...process.env, NO_COLOR: '1' }
  const child = spawn(process.execPath, command, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const counted = /Tests\D*(\d+ passed)/.exec(output)?.[1]
  const took = `${((performance.now() - begun) / 1000).toFixed(1)} s${counted ? `, ${counted}` : ''}`
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${what} (${took})`)
  if (code !== 0) failures.push(`${what}\n${output}`)
}

/** Problems with the subjects of commits that are not upstream yet, at least of the last one: too long, or no room. */
function subjectProblems(): string[] {
  const log = (range: string) => spawnSync('git', ['log', '--format=%s', range], { cwd: ROOT, encoding: 'utf8' })
  const ahead = log('@{upstream}..HEAD')
  const subjects = (ahead.status === 0 && ahead.stdout !== '' ? ahead : log('-1')).stdout.trim().split('\n')
  return subjects
    .filter((subject) => !subject.startsWith('Merge '))
    .filter((subject) => subject.length > SUBJECT_MAX || !/^[a-z0-9-]+(, [a-z0-9-]+)*: \S/.test(subject))
    .map(
      (subject) => `subject of a commit: "${subject}" must be "room: what a user gains", ≤ ${SUBJECT_MAX} characters`,
    )
}

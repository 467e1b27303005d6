// check.ts — `npm run check`: types, lint, generated references, and the tests of what changed since the last commit.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name)
const node = process.execPath

const steps: [string, string, string[]][] = [
  ['types', node, [bin('tsc'), '-p', 'tsconfig.json']],
  ['types of the UI', node, [bin('vue-tsc'), '--noEmit', '-p', 'packages/webui/tsconfig.json']],
  ['lint', node, [bin('oxlint'), '--type-aware', 'packages', 'e2e', 'bench', 'scripts']],
  ['references', node, [join('scripts', 'docs.ts'), '--check']],
  ['rules of the house', node, [join('node_modules', 'vitest', 'vitest.mjs'), 'run', 'e2e/architecture.test.ts']],
  [
    'tests of what changed',
    node,
    [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--changed', '--passWithNoTests'],
  ],
]

for (const [what, command, args] of steps) {
  const started = Date.now()
  const step = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  console.log(`${step.status === 0 ? 'ok  ' : 'FAIL'} ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
  if (step.status === 0) continue
  console.error(step.stdout + step.stderr)
  process.exit(1)
}

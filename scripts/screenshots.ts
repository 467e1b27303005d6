// screenshots.ts — `npm run screenshots [FOLDER]`: pictures of every page of the UI, in both themes and on three
// screens, of a small fleet in which each state is there, and of one of 10,000 replicas; of menus, dialogs and the
// status page; and what command lines print of that. They are made by the tests of the UI.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildUi } from './build-ui.ts'

const root = join(import.meta.dirname, '..')
const [given = join(root, 'screenshots')] = process.argv.slice(2)
if (given.startsWith('-')) {
  console.log('npm run screenshots [FOLDER]   pictures of every page of the UI; FOLDER is screenshots/ by default')
  process.exit(given === '--help' ? 0 : 2)
}
const folder = resolve(given)
mkdirSync(folder, { recursive: true })
buildUi({ onlyIfStale: true })
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'e2e/browser', 'e2e/rubric/large-fleet.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, KAGAMI_SHOTS: folder } },
)
console.log(`${readdirSync(folder).filter((file) => file.endsWith('.png')).length} pictures in ${folder}`)
process.exit(status ?? 1)

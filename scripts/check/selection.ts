// selection.ts — Selects the tests for changed files.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rooms } from './rooms.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** The rules of the house are checked after every change. */
const ALWAYS = 'e2e/architecture'

/** Paths that differ from the last commit; if there are none, the paths that the last commit changed. */
export function changedFiles(root: string): string[] {
  const git = (...args: string[]) => {
    const { stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
    return stdout.split('\0').filter(Boolean)
  }
  const open = [...git('diff', '--name-only', '-z', 'HEAD'), ...git('ls-files', '--others', '--exclude-standard', '-z')]
  return open.length > 0 ? open : git('diff', '--name-only', '-z', 'HEAD~1', 'HEAD')
}

/** The longest room that contains a file; null for files outside of all rooms, such as documents. */
export function roomOf(file: string): string | null {
  const found = Object.keys(rooms).filter((room) => file.startsWith(`${room}/`))
  return found.toSorted((one, other) => other.length - one.length)[0] ?? null
}

/** Test files and folders to run, none twice. Never empty. */
export function testsFor(changed: readonly string[]): string[] {
  const selected = changed.flatMap((file) => (file.endsWith('.test.ts') ? [file] : testsOfRoom(file)))
  const folders = new Set([ALWAYS, ...selected])
  return [...folders].filter((path) => ![...folders].some((other) => path.startsWith(`${other}/`)))
}

/** The tests of a file's row, and those beside it when its folder has no row of its own. */
function testsOfRoom(file: string): readonly string[] {
  const room = roomOf(file)
  if (room === null) return []
  const folder = dirname(file)
  const beside = folder === room ? [] : globSync(join(folder, '*.test.ts'), { cwd: ROOT })
  return [...rooms[room]!, ...beside]
}

// selection.ts — From changed files to the tests that are run for them. Pure, but for asking git what changed.
import { spawnSync } from 'node:child_process'
import { rooms } from './rooms.ts'

/** The rules of the house are checked after every change. */
const ALWAYS = 'e2e/architecture'

/** Paths that differ from the last commit; when none do, those the last commit changed. */
export function changedFiles(root: string): string[] {
  const git = (...args: string[]) => {
    const { stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
    return stdout.split('\0').filter(Boolean)
  }
  const open = [...git('diff', '--name-only', '-z', 'HEAD'), ...git('ls-files', '--others', '--exclude-standard', '-z')]
  return open.length > 0 ? open : git('diff', '--name-only', '-z', 'HEAD~1', 'HEAD')
}

/** The row of a file: the longest room it lies in; null for files of no room, such as documents. */
export function roomOf(file: string): string | null {
  const found = Object.keys(rooms).filter((room) => file.startsWith(`${room}/`))
  return found.toSorted((one, other) => other.length - one.length)[0] ?? null
}

/** Test files and folders to run, without repetition. Never empty. */
export function testsFor(changed: readonly string[]): string[] {
  const own = changed.filter((file) => file.endsWith('.test.ts'))
  const others = changed.filter((file) => !file.endsWith('.test.ts')).map(roomOf)
  const named = others.flatMap((room) => (room === null ? [] : rooms[room]!))
  return [...new Set([ALWAYS, ...own, ...named])]
}

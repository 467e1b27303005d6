// selection.ts — Selects the tests for changed files. Only `changedFiles` runs a program: git.
import { spawnSync } from 'node:child_process'
import { rooms } from './rooms.ts'

/** The tests of the rules of ARCHITECTURE.md run after every change. */
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

/** The test files and folders to run, each once. Never empty. */
export function testsFor(changed: readonly string[]): string[] {
  const own = changed.filter((file) => file.endsWith('.test.ts'))
  const others = changed.filter((file) => !file.endsWith('.test.ts')).map(roomOf)
  const named = others.flatMap((room) => (room === null ? [] : rooms[room]!))
  return [...new Set([ALWAYS, ...own, ...named])]
}

// containment.ts — How a program is wrapped so that nothing it starts outlives it or the worker. Builds argument lists;
// starts nothing.
import { accessSync, constants, statSync } from 'node:fs'
import { totalmem } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where programs are searched when PATH is not set. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const SHARE_MIN_MIB = 512
const SHELL = '/bin/sh'

/** How strong the wrapping is: `namespace` kills all descendants, `group` misses those that call setsid. */
export interface Containment {
  readonly level: 'namespace' | 'group'
  wrap(file: string, args: readonly string[]): readonly [string, readonly string[]]
  /** A shell in the same wrapping, which reads from its standard input what it is to do. */
  shell(): readonly [string, readonly string[]]
  /** What that shell does to be the program at its end, before the program and after it. */
  readonly last: readonly [string, string]
}

/** The PATH a program gets: extra folders first, then the worker's own without relative entries. */
export function buildPath(toolPath: readonly string[] = []): string {
  const own = (process.env.PATH ?? DEFAULT_PATH).split(':').filter((entry) => isAbsolute(entry))
  return [...toolPath, ...own].join(':') || DEFAULT_PATH
}

/** Absolute path of a program, or null when no folder of `path` has it. */
export function findTool(command: string, path: string): string | null {
  const places = command.includes('/') ? [command] : path.split(':').map((folder) => join(folder, command))
  return places.find(isExecutable) ?? null
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** No wrapping except a process group of its own. */
export const PLAIN: Containment = {
  level: 'group',
  wrap: (file, args) => [file, args],
  shell: () => [SHELL, []],
  last: ['exec ', ''],
}

/** Wraps a program so that it cannot take more than so many MiB of memory; see RunOptions. */
export function withinMemory(
  file: string,
  args: readonly string[],
  mib: number | undefined,
): [string, readonly string[]] {
  if (mib === undefined) return [file, args]
  // Where a lower limit is already set, this one cannot be set and need not be.
  return [
    SHELL,
    ['-c', 'ulimit -v "$0" 2>/dev/null || :; exec "$@"', String((mib || ownShareMib()) * 1024), file, ...args],
  ]
}

/** A quarter, because several syncs may run at once; less than the minimum would hinder honest mirrors. */
function ownShareMib(): number {
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  return Math.max(SHARE_MIN_MIB, Math.floor(bytes / 4 / 1024 ** 2))
}

/** The wrappings this machine may offer, strongest first. Running one shows whether it works. */
export function candidates(): Containment[] {
  const setpriv = findTool('setpriv', DEFAULT_PATH)
  const unshare = findTool('unshare', DEFAULT_PATH)
  if (!setpriv) return [PLAIN]
  // The death signal is not sent when the worker died before it was set: then the shell sees another parent and starts
  // nothing.
  const tied = (inner: readonly string[]): [string, string[]] => [
    setpriv,
    ['--pdeathsig', 'KILL', SHELL, '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid), ...inner],
  ]
  const isolated = (flags: readonly string[]): Containment => {
    const within = [unshare ?? '', ...flags, '--pid', '--fork', '--kill-child=KILL', '--', SHELL]
    return {
      level: 'namespace',
      // The first process of a namespace ignores SIGTERM, so it must not be the tool: it is a shell, which also reaps.
      wrap: (file, args) => tied([...within, '-c', '"$@"; exit $?', 'sh', file, ...args]),
      shell: () => tied(within),
      last: ['', '; exit $?'],
    }
  }
  const group: Containment = {
    ...PLAIN,
    wrap: (file, args) => tied([file, ...args]),
    shell: () => tied([SHELL]),
  }
  return unshare ? [isolated([]), isolated(['--user', '--map-current-user']), group, PLAIN] : [group, PLAIN]
}

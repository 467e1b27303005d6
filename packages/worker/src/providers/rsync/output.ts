// output.ts — Reads rsync's output: progress lines, statistics, the meaning of exit codes.
import { dirname, resolve } from 'node:path'
import type { FailureReason, Progress } from '@kagami/protocol'
import { localFailure, refusalCode, ToolRefused } from '../../local-failure.ts'
import { SyncFailure, type Exit, type FailureFacts, type ProcessMoves } from '../../provider.ts'
import { readName } from './lines.ts'

/** Reads lines of `--info=progress2`; null for another line. A percent only once the whole file list is known. */
export function createProgressReader(): (line: string) => (Partial<Progress> & Pick<Progress, 'phase'>) | null {
  let listed = false
  return (line) => {
    listed ||= line.includes('to-chk=')
    return readProgress(line, listed)
  }
}

function readProgress(line: string, listed: boolean): (Partial<Progress> & Pick<Progress, 'phase'>) | null {
  const found = /^\s*(\d+)\s+(\d+)%\s+\S+\s+\S+(?:\s+\(xfr#(\d+), (?:ir|to)-chk=\d+\/\d+\))?\s*$/.exec(line)
  if (!found) return null
  return {
    phase: 'transferring',
    bytes: Number(found[1]),
    percent: listed ? Math.min(100, Number(found[2])) : null,
    files: found[3] ? Number(found[3]) : null,
  }
}

/** What of a copy into a folder that was empty has come. */
export interface Arrived {
  /** Bytes of files that were written, at least. */
  readonly bytes: number
  /** Whether that is more than the time before. */
  readonly moved: boolean
}

/**
 * Tells how much rsync has written into a folder that was empty. Two processes of it are at work here: the one that
 * asks for files reads what the one that writes them tells it, and little else but the first list.
 */
export function createMovesReader(): (processes: readonly ProcessMoves[]) => Arrived {
  let most = -Infinity
  return (processes) => {
    const before = most
    const isPart = (one: ProcessMoves, of: ProcessMoves) => one.parent === of.pid && one.program === of.program
    for (const one of processes) {
      const above = processes.find((other) => isPart(one, other))
      if (above === undefined || processes.some((other) => isPart(other, one))) continue
      most = Math.max(most, one.written - above.read)
    }
    return { bytes: Math.max(0, most), moved: most > before }
  }
}

export interface Statistics {
  files: number | null
  sizeBytes: number | null
  received: number | null
}

/** Statistics of which nothing was read yet. */
export const createStatistics = (): Statistics => ({ files: null, sizeBytes: null, received: null })

/**
 * Reads one line of `--stats` into `statistics`. The last line of a run counts: rsync writes its own when the upstream
 * can say nothing more.
 */
export function readStatistics(line: string, statistics: Statistics): void {
  const number = (pattern: RegExp) => {
    const found = pattern.exec(line)?.[1]
    return found === undefined ? null : Number(found)
  }
  const files = number(/^Number of files: \d+ \(reg: (\d+)/) ?? (/^Number of files: \d+/.test(line) ? 0 : null)
  statistics.files = files ?? statistics.files
  statistics.sizeBytes = number(/^Total file size: (\d+)/) ?? statistics.sizeBytes
  statistics.received = number(/^Total bytes received: (\d+)/) ?? statistics.received
}

interface Rule {
  readonly code: number | null
  readonly pattern: RegExp
  readonly reason: FailureReason
  readonly message?: string
}

// The first matching rule counts: some codes mean two things, which only the text distinguishes. Names in quotes are
// taken out of the text before.
const RULES: readonly Rule[] = [
  {
    code: null,
    pattern: /^rsync: \[(receiver|generator)\] .*: (No space left on device|Disk quota exceeded) \(\d+\)/m,
    reason: 'disk_full',
    message: 'no space is left on the disk',
  },
  // Where it cannot make way for a hard link, rsync ends with "protocol incompatibility".
  { code: 2, pattern: /^could not make way for /m, reason: 'partial' },
  {
    code: 5,
    pattern: /max connections/,
    reason: 'upstream_refused',
    message: 'the upstream has too many connections just now',
  },
  {
    code: 5,
    pattern: /auth failed/,
    reason: 'auth_rejected',
    message: 'the upstream rejects the credentials, or wants some',
  },
  { code: 5, pattern: /Unknown module|chdir failed|chroot failed/, reason: 'upstream_missing' },
  {
    code: 5,
    pattern: /did not see server greeting|didn't get server startup line/,
    reason: 'upstream_unreachable',
    message: 'the upstream broke the connection while it greeted',
  },
  { code: 5, pattern: /(?:)/, reason: 'upstream_refused' },
  { code: 10, pattern: /(?:)/, reason: 'upstream_unreachable' },
  { code: 11, pattern: /(?:)/, reason: 'disk_full' },
  { code: 12, pattern: /(?:)/, reason: 'upstream_unreachable', message: 'the upstream broke the connection' },
  {
    code: 22,
    pattern: /(?:)/,
    reason: 'quota_exceeded',
    message:
      'rsync needs more memory for the upstream’s list of files than it may have (memory_mib): there are very ' +
      'many, or the list has no end. Raise memory_mib if so many files are meant, or leave some out with exclude',
  },
  {
    code: 23,
    pattern: /^rsync: (\[sender\] )?(change_dir|link_stat) "" \(in [^)]*\) failed: No such file/m,
    reason: 'upstream_missing',
  },
  { code: 23, pattern: /(?:)/, reason: 'partial' },
  {
    code: 25,
    pattern: /(?:)/,
    reason: 'partial',
    message:
      'more vanished from the upstream after its deletions were counted. No more was deleted than was counted; the ' +
      'rest is counted, and deleted, by the next sync',
  },
  { code: 30, pattern: /(?:)/, reason: 'timed_out', message: 'nothing came from the upstream for too long' },
  { code: 35, pattern: /(?:)/, reason: 'upstream_unreachable', message: 'the upstream does not answer' },
]

/** What rsync tells of this machine's own files, and whether it also tells of the upstream's. */
export interface RefusalReader {
  /** Reads a line that rsync writes to stderr. */
  read(line: string): void
  /** The first of them; null when there was none. */
  readonly first: ToolRefused | null
  /** Whether something of the upstream could not be read either. */
  readonly upstream: boolean
}

const SAID = /^rsync: (?:\[(\w+)\] )?(.*): [^:]*\((\d+)\)$/s

/** `folder`: where rsync writes, for what it names by a path below it. */
export function createRefusalReader(folder: string): RefusalReader {
  let first: ToolRefused | null = null
  let second: ToolRefused | null = null
  let upstream = false
  return {
    read(line) {
      const discarded = /^Unable to create partial-dir for (.*) -- discarding completed file\.$/.exec(line)?.[1]
      if (discarded !== undefined)
        second ??= new ToolRefused({ code: 'EACCES', path: dirname(resolve(folder, readName(discarded))), folder })
      const [, role, what = '', errno] = SAID.exec(line) ?? []
      if (errno === undefined) return
      if (role !== 'receiver' && role !== 'generator') return void (upstream = true)
      const code = refusalCode(Number(errno))
      if (code !== null) first ??= new ToolRefused({ code, path: resolve(folder, pathIn(what)), folder })
    },
    get first() {
      return first ?? second
    },
    get upstream() {
      return upstream
    },
  }
}

/** The path that rsync names: what a file is renamed to, in quotes, or in brackets as `unlink(x)`. */
function pathIn(what: string): string {
  const [, to] = /^rename(?: failed for)? "(?:.*" -> ")?(.*)"(?: failed| \(from .*\))?$/s.exec(what) ?? []
  const [, quoted] = /"(.*?)"(?: -> ".*")?(?: failed)?$/s.exec(what) ?? []
  const [, called] = /\w\((.*)\)(?: failed)?$/s.exec(what) ?? []
  return readName(to ?? quoted ?? called ?? '')
}

/** The failure of an rsync that did not exit with 0 or 24. `refused`: what this machine refused meanwhile. */
export function rsyncFailure(exit: Exit, refused: ToolRefused | null = null): SyncFailure {
  const facts = { tail: exit.tail, exitCode: exit.code }
  // A disk that is full also ends with a code of its own.
  const local = refused && [11, 23].includes(exit.code ?? 0) ? localFailure(refused, refused.folder, facts) : null
  if (local) return local
  const link = FOREIGN_LINK.exec(exit.tail)?.[1]
  if (link !== undefined) return foreignLink(readName(link).replace(/\/$/, ''), facts)
  const said = withoutNames(exit.tail)
  const rule = RULES.find(({ code, pattern }) => (code === null || code === exit.code) && pattern.test(said))
  const line = octal(mainLine(exit.tail)) || `rsync ended with ${exit.signal ?? `exit code ${exit.code}`}`
  return new SyncFailure(rule?.reason ?? 'unknown', rule?.message ?? line, { tail: exit.tail, exitCode: exit.code })
}

const FOREIGN_LINK = /^rsync: \[Receiver\] change_dir#\d+ "(.*)" failed: Too many levels of symbolic links \(\d+\)/m

/** rsync follows a link only to where its own user, or root, leads it. */
function foreignLink(path: string, facts: FailureFacts): SyncFailure {
  return new SyncFailure(
    'local_denied',
    `${octal(path)} on this worker is a link that belongs to another user, and rsync does not follow it`,
    {
      ...facts,
      hint: `Give it to the user of this worker, as root: chown -h ${process.getuid?.() ?? 0} ${octal(path)}`,
    },
  )
}

/** As `ls -b` writes bytes that are not UTF-8, and as everything else that people see does. */
const octal = (text: string) => text.replace(/\\#([0-3][0-7]{2})/g, '\\$1')

/** The text without what stands in quotes, from the first to the last of a line: a name may have quotes itself. */
function withoutNames(tail: string): string {
  return tail.replace(/"[^\n]*"/g, '""')
}

function mainLine(tail: string): string {
  const lines = tail.split('\n').filter((line) => line !== '')
  return (
    lines.find((line) => line.startsWith('@ERROR')) ??
    lines.find((line) => /failed|error/i.test(withoutNames(line))) ??
    lines[0] ??
    ''
  ).replace(/^(@ERROR|rsync|rsync error): /, '')
}

/** Whether a daemon refuses only the compression. */
export function refusesCompression(exit: Exit): boolean {
  return (
    exit.code !== 0 && /configured to refuse --(compress|new-compress|old-compress|zc)/.test(withoutNames(exit.tail))
  )
}

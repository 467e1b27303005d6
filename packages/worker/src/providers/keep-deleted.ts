// keep-deleted.ts — The option keep_deleted: files that the upstream removed stay readable for some time. The guard is
// asked when they vanish; when their time is over they are deleted without asking again.
import type { KeptFiles } from '@kagami/protocol'
import Type from 'typebox'
import { showName } from '../names.ts'
import type { KeptBytes, Shortage, SyncContext } from '../provider.ts'
import { removeFiles } from './remove-kept.ts'

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const EXAMPLES = 20
const EXAMPLE_MAX = 300
/** Lines in the log. */
const LOGGED = 200

/** The schema of the option. */
export const keepDeletedOption = Type.String({
  default: '0',
  pattern: '^(0|[1-9][0-9]{0,3}[mhd])$',
  description:
    'How long readers still find a file that the upstream removed, after the deletion guard allowed its deletion: ' +
    '"30m", "6h", "2d". 0: it is deleted at once',
})

/** The option of git, whose readers ask by the ids that they were shown. */
export const keepDeletedRefsOption = Type.String({
  ...keepDeletedOption,
  description:
    'How long what the upstream lost can still be fetched by its id, as readers do who were shown the refs a moment ' +
    'ago: "30m", "6h", "2d". Like keep_history; the longer of both counts',
})

interface KeptFile {
  readonly until: number
  readonly size: number
  /** An earlier run kept it: the tree that is published now lacked it upstream already. */
  readonly earlier: boolean
}

/** What is kept in one run. */
export interface Keeping {
  /** Whether files are kept, or earlier runs kept some. */
  readonly active: boolean
  /** Whether a file that vanishes now is kept. */
  readonly keepsNew: boolean
  /** What earlier runs kept, which counts as deleted already: path → its end. */
  readonly recorded: ReadonlyMap<string, number>
  /**
   * Decides for each file that the upstream lacks, with its bytes. What the upstream has again, and what stands in its
   * way, is not among them.
   */
  decide(gone: Iterable<readonly [path: string, size: number]>): void
  /** Bytes of what is kept, for the plan. */
  readonly bytes: KeptBytes
  /** Lets what ends first go before its time, as far as there is no room for it. */
  makeRoom(shortage: Shortage): Promise<void>
  stays(path: string): boolean
  /** What goes with this run since its time is over. */
  readonly over: readonly string[]
  /** Records what is kept: before anything is changed, with what is about to go. */
  begin(): void
  /** Records what is kept once the rest is gone; returns what reports say of it. */
  settle(): { keptFiles: KeptFiles | null; keptNote: string | null }
  /** What reports say where nothing may be deleted: everything that is recorded and there. */
  describe(): KeptFiles | null
  /** Records, where not all of the upstream is known, what it has again. */
  forget(isThere: (path: string) => boolean): void
}

/** Opens the record; that of a copy that is gone is emptied. */
export function openKeeping(context: SyncContext, { keep, first }: { keep: string; first: boolean }): Keeping {
  const { tree, log, startedAt } = context
  const found = tree.kept.read(log)
  if (first) tree.kept.write(new Map())
  const recorded = first ? new Map<string, number>() : found
  const keepMs = durationMs(keep)
  const fates = createFates(recorded, { keepMs, nowMs: startedAt.getTime() })
  return {
    active: keepMs > 0 || recorded.size > 0,
    keepsNew: keepMs > 0,
    recorded,
    decide: fates.decide,
    get bytes() {
      return { bytes: sizeOf(fates.staying), earlierBytes: sizeOf(fates.earlier()) }
    },
    async makeRoom(shortage) {
      const { now, early } = fates.giveUp(shortage)
      for (const path of early) log(`goes before its time, since there is no room for it: ${showName(path)}`)
      await removeFiles(tree.published, now)
    },
    stays: (path) => fates.staying.has(path),
    get over() {
      return [...fates.over.keys()]
    },
    begin: () => tree.kept.write(endsOf([...fates.staying, ...fates.over])),
    settle() {
      tree.kept.write(endsOf(fates.staying))
      const fresh = [...fates.staying].filter(([, { earlier }]) => !earlier).map(([path]) => path)
      tell(fresh, { log, keep, over: fates.over.size })
      return { keptFiles: describe(fates.staying), keptNote: earlyNote(fates.given) }
    },
    describe: () => describe(new Map([...fates.over, ...fates.staying])),
    forget(isThere) {
      const left = [...recorded].filter(([path]) => !isThere(path))
      if (left.length < recorded.size) tree.kept.write(new Map(left))
    },
  }
}

type Files = ReadonlyMap<string, KeptFile>

interface Fates {
  /** What stays, by their ends. */
  readonly staying: Files
  /** What goes with this run. */
  readonly over: Files
  /** What goes before its time. */
  readonly given: Files
  /** What earlier runs kept, by their ends. */
  earlier(): Files
  decide(gone: Iterable<readonly [path: string, size: number]>): void
  /** Returns the paths that go now, and those of all that go before their time. */
  giveUp(shortage: Shortage): { now: string[]; early: string[] }
}

/** What becomes of each file that the upstream lacks. Pure. */
function createFates(
  recorded: ReadonlyMap<string, number>,
  { keepMs, nowMs }: { keepMs: number; nowMs: number },
): Fates {
  const freed = new Set<string>()
  const given = new Map<string, KeptFile>()
  let staying = new Map<string, KeptFile>()
  let over = new Map<string, KeptFile>()
  const fateOf = (path: string, size: number): KeptFile => {
    // A clock that was wrong keeps nothing for longer than a time that begins now.
    const until = given.has(path) ? nowMs : Math.min(recorded.get(path) ?? Infinity, nowMs + keepMs)
    return { until, size, earlier: recorded.has(path) }
  }
  const earlier = () => new Map([...over, ...staying].filter(([, file]) => file.earlier))
  return {
    get staying() {
      return staying
    },
    get over() {
      return over
    },
    given,
    earlier,
    decide(gone) {
      const left = [...gone].filter(([path]) => !freed.has(path))
      const files = left.map(([path, size]) => [path, fateOf(path, size)] as const).sort(endsFirst)
      staying = new Map(files.filter(([, { until }]) => until > nowMs))
      over = new Map(files.filter(([, { until }]) => until <= nowMs))
    },
    giveUp({ beforeBytes, quotaBytes }) {
      const now = take(earlier(), beforeBytes)
      const early = new Map([...now].filter(([path]) => staying.has(path)))
      for (const [path, file] of take(withoutAll(staying, early), quotaBytes - sizeOf(early))) {
        early.set(path, file)
        over.set(path, file)
      }
      for (const path of now.keys()) {
        freed.add(path)
        over.delete(path)
      }
      for (const [path, file] of early) given.set(path, file)
      staying = withoutAll(staying, early)
      return { now: [...now.keys()], early: [...early.keys()] }
    },
  }
}

const withoutAll = (files: Files, others: Files) => new Map([...files].filter(([path]) => !others.has(path)))

/** The milliseconds that a value of the option says. */
export function durationMs(option: string): number {
  return Number.parseInt(option, 10) * (UNIT_MS[option.at(-1) as keyof typeof UNIT_MS] ?? 0)
}

/** By their ends, then by name. */
function endsFirst([a, one]: readonly [string, KeptFile], [b, other]: readonly [string, KeptFile]): number {
  return one.until - other.until || (a < b ? -1 : 1)
}

/** The first files that have so many bytes together. */
function take(files: Files, bytes: number): Map<string, KeptFile> {
  const taken = new Map<string, KeptFile>()
  let left = bytes
  for (const [path, file] of files) {
    if (left <= 0) break
    taken.set(path, file)
    left -= file.size
  }
  return taken
}

const sizeOf = (files: Files) => [...files.values()].reduce((sum, { size }) => sum + size, 0)
const endsOf = (files: Iterable<readonly [string, KeptFile]>) =>
  new Map([...files].map(([path, { until }]) => [path, until] as const))

function describe(staying: Files): KeptFiles | null {
  const [first] = staying.values()
  if (!first) return null
  const files = [...staying].slice(0, EXAMPLES).map(([path, { until }]) => ({
    path: showName(path).slice(0, EXAMPLE_MAX).toWellFormed(),
    until: new Date(until).toISOString(),
  }))
  return {
    count: staying.size,
    size_bytes: sizeOf(staying),
    next_at: new Date(first.until).toISOString(),
    files,
  }
}

interface Told extends Pick<SyncContext, 'log'> {
  readonly keep: string
  /** How many went. */
  readonly over: number
}

function tell(fresh: readonly string[], { log, keep, over }: Told): void {
  for (const path of fresh.slice(0, LOGGED)) log(`stays readable for ${keep}: ${showName(path)}`)
  if (fresh.length > LOGGED) log(`stay readable for ${keep}: ${fresh.length - LOGGED} more`)
  if (over > 0) log(`deleted ${over} files that were kept, whose time is over`)
}

function earlyNote(given: Files): string | null {
  if (given.size === 0) return null
  const files = `${given.size} files that keep_deleted kept (${sizeOf(given)} bytes)`
  return `${files} were deleted before their time: there was no room`
}

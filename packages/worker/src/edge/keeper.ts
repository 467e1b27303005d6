// keeper.ts — The one way in which a running program writes its state on a disk that may refuse: what cannot be written
// waits in memory, is said once, and is written when the disk takes it again.
import { ConfigError, diskRefusal, type Clock, type Logger } from '@kagami/runtime'

/** Pause before what was refused is tried again, ms. */
const AGAIN_MS = 3000

/** Writes state, now or later. */
export interface Keeper {
  /**
   * Carries out a write. What the disk refuses waits in place of an earlier write of the same key, so that memory is
   * bounded by the number of keys. Throws errors that are not of the system.
   */
  write(key: string, act: () => void): void
  /** Whether a write waits. */
  waits(key: string): boolean
  /** How many writes wait. */
  readonly waiting: number
}

export interface KeeperParts {
  readonly clock: Pick<Clock, 'after'>
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** The folder of the state. */
  readonly folder: string
  /** Whether the folder is still the one it was: nothing is written onto the disk below one that went away. */
  readonly isThere?: () => boolean
}

/** A keeper for which nothing waits yet. */
export function createKeeper({ clock, logger, folder, isThere = () => true }: KeeperParts): Keeper {
  const pending = new Map<string, () => void>()
  const said = new Set<string>()
  let cancel: (() => void) | null = null
  const carryOut = (act: () => void) => {
    if (!isThere()) throw Object.assign(new Error(`the disk of ${folder} is gone`), { code: 'ENODEV', path: folder })
    act()
  }
  const refuse = (error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!said.has(code)) logger.error({ code }, sayRefusal(error, folder))
    said.add(code)
    cancel ??= clock.after(AGAIN_MS, retry)
  }
  function retry() {
    cancel = null
    for (const [key, act] of pending) {
      try {
        carryOut(act)
        pending.delete(key)
      } catch (error) {
        // The others would be refused too; they come next time.
        return refuse(error)
      }
    }
    end()
  }
  function end() {
    if (pending.size > 0 || said.size === 0) return
    said.clear()
    logger.info(`${folder} can be written again; everything that waited in memory is on the disk`)
  }
  return {
    write(key, act) {
      try {
        carryOut(act)
        if (pending.delete(key)) end()
      } catch (error) {
        // A file of state that cannot be read before it is replaced is told as a ConfigError.
        const ofTheDisk = error instanceof ConfigError || typeof (error as NodeJS.ErrnoException).code === 'string'
        if (!ofTheDisk) throw error
        // Last in line: what is older may be worth more.
        pending.delete(key)
        pending.set(key, act)
        refuse(error)
      }
    },
    waits: (key) => pending.has(key),
    get waiting() {
      return pending.size
    },
  }
}

function sayRefusal(error: unknown, folder: string): string {
  const refusal = diskRefusal(error, folder)
  const { message } = error as Error
  // The name under which a file is written until it is whole says nothing to people.
  const what = refusal ? `${refusal.path.replace(/\.\d+\.tmp$/, '')} cannot be written: ${refusal.problem}` : message
  return (
    `${what}. Published files are as they were; what has to be remembered waits in memory, is written once the disk ` +
    `takes it, and is lost if this program ends before. ${refusal?.cure ?? 'Look at the disk (dmesg, df)'}`
  )
}

// local-failure.ts — The failure of a sync that this machine refused, by a call of the system, or by
// what a tool said of one. Never the upstream's fault.
import { INTACT } from '@kagami/protocol'
import { diskRefusal, refusalCode, writtenRefusals } from '@kagami/runtime'
import { showName } from './names.ts'
import { SyncFailure, type FailureFacts } from './provider.ts'

export { refusalCode, writtenRefusals } from '@kagami/runtime'

/** The failure for an error of this machine's files or disk; null when it is something else. `place`: see runtime. */
export function localFailure(error: unknown, place: string, facts: FailureFacts = {}): SyncFailure | null {
  const refusal = diskRefusal(error, place)
  if (!refusal) return null
  const { reason, path, problem, cure } = refusal
  return new SyncFailure(reason, `${showName(path)} on this worker cannot be used: ${problem}`, {
    ...facts,
    cause: error,
    hint: `${cure}${cure.endsWith('.') ? '' : '.'} ${INTACT}`,
  })
}

const SAID = new RegExp(`^\\S+: .*?(?:'([^'\\n]*)'[^'\\n]*)?: (${writtenRefusals.join('|')})$`, 'm')

/**
 * The failure for what cp or sync say that the system refused, the last path of the line for it; null when they say
 * something else. `place`: the folder in which they worked.
 */
export function copyingFailure(tail: string, place: string, facts: FailureFacts = {}): SyncFailure | null {
  const [, path = place, said = ''] = SAID.exec(tail) ?? []
  const code = refusalCode(said)
  return code === null ? null : localFailure(new ToolRefused({ code, path, folder: place }), place, facts)
}

/** What a tool says that the system refused: `path` below `folder`, in which it worked. */
export class ToolRefused extends Error {
  readonly code: string
  readonly path: string
  readonly folder: string
  constructor({ code, path, folder }: { code: string; path: string; folder: string }) {
    super(`${code}: ${path}`)
    this.name = 'ToolRefused'
    this.code = code
    this.path = path
    this.folder = folder
  }
  /** The path below the folder; empty for what lies elsewhere, and for the folder itself. */
  get below(): string {
    return this.path.startsWith(`${this.folder}/`) ? this.path.slice(this.folder.length + 1) : ''
  }
}

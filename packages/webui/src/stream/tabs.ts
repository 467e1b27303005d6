// tabs.ts — What tabs and the shared worker of the stream say to each other.
import type { StreamEvent } from '@kagami/protocol'

/** Says that the tab is there, and what it wants to be told of. */
export interface FromTab {
  /** `here` once a minute and when its topics change, `check` when it is looked at again, `bye` when it is closed. */
  readonly say: 'here' | 'check' | 'retry' | 'bye'
  readonly topics: readonly string[]
}

export type FromStream =
  | { readonly type: 'opened'; readonly again: boolean }
  /** Both Unix ms. */
  | { readonly type: 'failed'; readonly nextAt: number; readonly since: number }
  | { readonly type: 'events'; readonly events: readonly StreamEvent[] }

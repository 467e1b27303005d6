// tabs.ts — What tabs and the shared worker of the stream say to each other.
import type { StreamEvent } from '@kagami/protocol'

/** `here` once a minute, `check` when the tab is looked at again, `bye` when it is closed. */
export type FromTab = 'here' | 'check' | 'retry' | 'bye'

export type FromStream =
  | { readonly type: 'opened'; readonly again: boolean }
  /** Both Unix ms. */
  | { readonly type: 'failed'; readonly nextAt: number; readonly since: number }
  | { readonly type: 'events'; readonly events: readonly StreamEvent[] }

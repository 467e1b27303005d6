// labelsFrom.ts — Labels as people type them: `team=kernel, env=prod`.
import type { Labels } from '@kagami/protocol'

/** The labels of a text, none of an empty one; null when a part of it is not KEY=VALUE. */
export function labelsFrom(text: string): Labels | null {
  const parts = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => /^([A-Za-z0-9][A-Za-z0-9._/-]{0,62})=(.*)$/.exec(part))
  if (parts.includes(null)) return null
  return Object.fromEntries(parts.map((part) => [part![1]!, part![2]!]))
}

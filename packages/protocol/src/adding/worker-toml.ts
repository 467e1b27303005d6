// worker-toml.ts — A replica as the [[providers]] table of worker.toml that declares it. Pure.
import type { ReplicaSpec } from '../model.ts'

/** What is written of a replica. */
type Written = Pick<ReplicaSpec, 'name' | 'kind' | 'upstream' | 'interval_secs' | 'labels' | 'options'>

/** The table as text. Credentials are never in it; `hasCredentials`: a comment says where they go. */
export function workerTomlOf(replica: Written, hasCredentials = false): string {
  const { name, kind, upstream, interval_secs, labels, options } = replica
  const lines = [
    '[[providers]]',
    `name = ${valueOf(name)}`,
    `kind = ${valueOf(kind)}`,
    `upstream = ${valueOf(upstream)}`,
    ...(interval_secs ? [`interval_secs = ${interval_secs}`] : []),
    ...linesOf('labels', labels),
    ...linesOf('options', options),
    ...(hasCredentials
      ? ['# Its credentials are not copied: write auth = { type = "basic" or "token", … } here.']
      : []),
  ]
  return `${lines.join('\n')}\n`
}

function linesOf(part: string, values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${part}.${keyOf(key)} = ${valueOf(value)}`)
}

function keyOf(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : textOf(key)
}

function valueOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueOf).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, one]) => `${keyOf(key)} = ${valueOf(one)}`)
      .join(', ')} }`
  return typeof value === 'string' ? textOf(value) : String(value)
}

/** JSON and TOML write texts alike, but for one character. */
function textOf(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f')
}

// topics.ts — What the parts of a page, and the tabs of a browser, want to be told of together. Pure.

/** More than these are not named one by one: their kinds are asked for. An address of a few KiB passes every proxy. */
export const NAMED_MAX = 100

/** Topics of all of them, sorted. */
export function mergeTopics(lists: Iterable<readonly string[]>): string[] {
  const all = new Set([...lists].flat())
  const named = [...all].filter((topic) => topic.includes(':'))
  const merged = named.length > NAMED_MAX ? new Set([...all].flatMap(kindsOf)) : all
  return [...merged].toSorted()
}

/** The kinds that contain a topic. */
function kindsOf(topic: string): readonly string[] {
  if (!topic.includes(':')) return [topic]
  return topic.startsWith('worker:') ? ['workers'] : ['replicas', 'syncs']
}

/** Whether who is sent what is about `topics` is also sent what is about `wanted`. */
export const covers = (topics: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((topic) => topics.includes(topic) || kindsOf(topic).every((kind) => topics.includes(kind)))

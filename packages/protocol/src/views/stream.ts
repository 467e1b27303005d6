// stream.ts — The events of GET /api/v1/stream, and the topics by which a client asks for some of them.
import type { Progress } from '../model.ts'
import type { Replica, Summary, Sync, Worker } from '../views.ts'
import type { PendingAction } from './actions.ts'

/** An event of GET /api/v1/stream: `event:` is the type, `data:` the rest as JSON. */
export type StreamEvent =
  | { type: 'summary'; summary: Summary }
  | { type: 'worker'; worker: Worker }
  | { type: 'worker_gone'; worker_id: string }
  | { type: 'replica'; replica: Replica }
  | { type: 'replica_gone'; replica_id: string; worker_id: string; name: string }
  | { type: 'progress'; replica_id: string; worker_id: string; name: string; sync_id: string; progress: Progress }
  | { type: 'sync'; sync: Sync }
  /** All decisions that are held now. */
  | { type: 'actions'; actions: readonly PendingAction[] }
  /** The first event of a client that does not continue: from its id on it is told everything. */
  | { type: 'connected' }
  /** The client has missed too much, and has to fetch everything again. */
  | { type: 'reset' }

/** What an event is about. */
export type EventSubject =
  | { readonly kind: 'fleet' }
  | { readonly kind: 'worker'; readonly worker_id: string }
  | {
      readonly kind: 'replica' | 'progress' | 'sync'
      readonly replica_id: string
      readonly worker_id: string
      readonly name: string
    }

/** What an event is about. */
export function subjectOfEvent(event: StreamEvent): EventSubject {
  switch (event.type) {
    case 'worker':
      return { kind: 'worker', worker_id: event.worker.worker_id }
    case 'worker_gone':
      return { kind: 'worker', worker_id: event.worker_id }
    case 'replica':
      return { ...idsOf(event.replica), kind: 'replica' }
    case 'replica_gone':
      return { ...idsOf(event), kind: 'replica' }
    case 'progress':
      return { ...idsOf(event), kind: 'progress' }
    case 'sync':
      return { ...idsOf(event.sync), kind: 'sync' }
    default:
      return { kind: 'fleet' }
  }
}

const idsOf = ({ replica_id, worker_id, name }: { replica_id: string; worker_id: string; name: string }) => ({
  replica_id,
  worker_id,
  name,
})

/**
 * What a client may ask for: all `workers` by themselves, all `replicas` with their progress, all `syncs` that end.
 * With an id after it: one `worker:` by itself; one `replica:`, all those of one `mirror:` (by name) or `within:` one
 * worker, each with its progress and its syncs.
 */
export const streamTopics = ['workers', 'replicas', 'syncs', 'worker:', 'replica:', 'mirror:', 'within:'] as const

/** How many topics a client may ask for. */
export const STREAM_TOPICS_MAX = 200

/** The first one that is not a topic; undefined: all are. */
export const findWrongTopic = (topics: readonly string[]): string | undefined =>
  topics.find(
    (topic) =>
      !streamTopics.some((one) => (one.endsWith(':') ? topic.startsWith(one) && topic !== one : topic === one)),
  )

/** Tells what a client with these topics is sent; null: everything. What is about the whole fleet is always sent. */
export function createTopicFilter(topics: Iterable<string> | null): (subject: EventSubject) => boolean {
  if (topics === null) return () => true
  const wanted = new Set(topics)
  return (subject) => {
    if (subject.kind === 'fleet') return true
    if (subject.kind === 'worker') return wanted.has('workers') || wanted.has(`worker:${subject.worker_id}`)
    return (
      wanted.has(subject.kind === 'sync' ? 'syncs' : 'replicas') ||
      wanted.has(`replica:${subject.replica_id}`) ||
      wanted.has(`mirror:${subject.name}`) ||
      wanted.has(`within:${subject.worker_id}`)
    )
  }
}

// messages.ts — docs/messages.md: every NATS message, from protocol/messages.ts.
import {
  EVENTS_CONSUMER,
  EVENTS_STREAM,
  DESIRED_BUCKET,
  HEARTBEAT_SECONDS,
  MESSAGE_MAX_BYTES,
  messages,
  WIRE_VERSION,
  type Message,
} from '@kagami/protocol'
import { code, fieldTable, GENERATED, namedShapes, shapes, table, typeOf, type Shape } from './markdown.ts'

const DELIVERY: Readonly<Record<Message['delivery'], string>> = {
  core: 'Published once, without acknowledgement; the next message makes up for a lost one',
  request: 'Request and reply',
  stream: `JetStream stream ${EVENTS_STREAM}: kept until the supervisor has stored it`,
  kv: `JetStream key-value bucket ${DESIRED_BUCKET}`,
}

/** The page. */
export function messageReference(): string {
  const all = Object.entries(messages) as [string, Message][]
  const roots = all.flatMap(([, { schema, reply }]) => [schema, reply].filter((shape) => shape !== null)) as Shape[]
  const top = new Set<unknown>(roots)
  const parts = [
    '# Messages',
    GENERATED,
    `Payloads are JSON, at most ${MESSAGE_MAX_BYTES} bytes. Wire version ${WIRE_VERSION}. \`<id>\` is the ` +
      `worker's id. The sender is taken from the subject, never from the body. A payload that does not match its ` +
      'schema is refused, and logged once for each sender and reason; unknown fields are ignored. An *instant* ' +
      'is RFC 3339 in UTC.',
    `Heartbeats come every ${HEARTBEAT_SECONDS} s ± 10 %. Reports are read by the durable ` +
      `consumer \`${EVENTS_CONSUMER}\`.`,
    table(
      ['subject', 'from', 'meaning'],
      all.map(([name, { subject, from, summary }]) => [`[${code(subject)}](#${name.toLowerCase()})`, from, summary]),
    ),
    ...all.map(([name, message]) => section(name, message)),
    '## Shapes',
    ...namedShapes(roots)
      .filter(([, shape]) => !top.has(shape))
      .map(([name, shape]) => `### ${name}\n\n${fieldTable(shape)}`),
  ]
  return `${parts.join('\n\n')}\n`
}

function section(name: string, { subject, from, delivery, schema, reply, summary }: Message): string {
  const parts = [`## ${name}`, summary, `${code(subject)}, from the ${from}. ${DELIVERY[delivery]}.`, fieldsOf(schema)]
  if (reply) parts.push(`Answer:`, fieldsOf(reply))
  return parts.join('\n\n')
}

function fieldsOf(shape: Shape): string {
  if (!shape.anyOf) return fieldTable(shape)
  return shape.anyOf.map((branch) => `- ${shapes.has(branch) ? typeOf(branch) : typeOf({ ...branch })}`).join('\n')
}

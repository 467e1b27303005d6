// joining.ts — How a worker comes and goes: credentials on a locked NATS, join, goodbye.
import Type, { type Static } from 'typebox'
import { Admission, KindAnnouncement, Nullable } from '../model.ts'
import { Instance, WorkerId } from '../names.ts'
import { PlainText } from '../printable.ts'

/**
 * What a worker can be asked for that workers of the first versions cannot; they would refuse the whole document.
 * `edit`: it reports which edit of a replica it has taken; every version takes edits. `wait`: it sends all its states
 * when it is asked for them, and not before.
 */
export const Capability = Type.Enum(['verify', 'restore', 'rename', 'edit', 'try', 'wait'])
export type Capability = Static<typeof Capability>

/** A worker introduces itself: its process, its computer, and the kinds it can sync. */
export const Join = Type.Object({
  worker_id: WorkerId,
  instance: Instance,
  wire: Type.Integer({ minimum: 1 }),
  name: PlainText({ minLength: 1, maxLength: 128 }),
  version: Type.String({ maxLength: 64 }),
  hostname: Type.String({ maxLength: 256 }),
  http_addr: Type.String({ maxLength: 256 }),
  data_dir: Type.String({ maxLength: 4096 }),
  declared_in: Type.Optional(
    Type.String({
      maxLength: 4096,
      description: 'Where its own replicas are declared: path of worker.toml, or variable; absent: nowhere',
    }),
  ),
  kinds: Type.Array(KindAnnouncement, { maxItems: 64 }),
  capabilities: Type.Optional(
    Type.Array(Type.String({ maxLength: 32 }), {
      maxItems: 32,
      description:
        'What this version does and the first do not: verify, restore, rename, edit (it reports which it took), try, ' +
        'wait (until it is asked for its states)',
    }),
  ),
  sealing_key: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'X25519 public key, base64; credentials for this worker are sealed with it',
    }),
  ),
  fresh: Type.Optional(
    Type.Boolean({
      description:
        'Nothing in data_dir shows that a worker was ever approved there: it is new, or its disk is not mounted',
    }),
  ),
  jwt: Type.Optional(
    Type.String({
      maxLength: 8192,
      description:
        'On a locked NATS: the JWT of the worker, from which a supervisor that has lost its database learns which ' +
        'key belongs to which worker',
    }),
  ),
})
export type Join = Static<typeof Join>

/** Whether the worker may work, and if not, why. */
export const JoinReply = Type.Object({
  accepted: Type.Boolean(),
  status: Admission,
  reason: Nullable(Type.String({ maxLength: 1000 })),
  supervisor: Type.Optional(
    Type.Object({
      version: Type.String(),
      wire: Type.Integer(),
      stream: Type.Optional(
        Type.String({
          maxLength: 64,
          description:
            'When the stream of reports was created. A worker that knows another time sends its last reports again',
        }),
      ),
    }),
  ),
  terminated: Type.Optional(Type.Boolean()),
  asks_for_states: Type.Optional(
    Type.Boolean({
      description:
        'The supervisor asks for the full heartbeat when it has room for it; absent: the worker sends it unasked',
    }),
  ),
  missing_disk: Type.Optional(
    Type.Boolean({
      description:
        'It is pending because its data_dir is fresh where a worker had mirrors. It keeps no id there until approved',
    }),
  ),
})
export type JoinReply = Static<typeof JoinReply>

/** Asks for credentials on a locked NATS, for the public key in the subject. */
export const Enrol = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 128, description: 'Secret of the join token' }),
  join: Join,
  signature: Type.String({
    maxLength: 128,
    description: 'Made with the key, base64url, over the text of `enrolProof`: proves that the sender has the key',
  }),
})
export type Enrol = Static<typeof Enrol>

/** The text that a worker signs when it asks for credentials. */
export function enrolProof(publicKey: string, { token, join }: Pick<Enrol, 'token' | 'join'>): string {
  return ['kagami enrol 1', publicKey, join.worker_id, join.instance, token].join('\n')
}

/** The decision about a request for credentials. */
export const EnrolReply = Type.Object({
  /** `refused`: the token or the key cannot be used for this worker id; nothing was recorded. */
  status: Type.Union([Admission, Type.Literal('refused')]),
  reason: Nullable(Type.String({ maxLength: 1000 })),
  worker_id: WorkerId,
  public_key: Type.String({ maxLength: 64 }),
  jwt: Nullable(Type.String({ description: 'The credentials, once the worker is approved' })),
})
export type EnrolReply = Static<typeof EnrolReply>

/** The worker is stopping. */
export const Goodbye = Type.Object({ worker_id: WorkerId, instance: Instance })
export type Goodbye = Static<typeof Goodbye>

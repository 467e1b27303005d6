// permissions.ts — The subjects of a locked NATS: what each of its two accounts exports to the other, and what each
// user may publish and subscribe to.
import { DESIRED_BUCKET, desiredHint, messages, subjectFor } from './messages.ts'

/** What a user of an account may do. */
export interface SubjectRights {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  /** May also reply to requests, whatever their reply subject. */
  readonly answers: boolean
}

/** What one account exports to the other: services, whose requests it answers, and streams, which it publishes. */
export interface AccountExports {
  readonly services: readonly string[]
  readonly streams: readonly string[]
}

const DIRECT_GET = `$JS.API.DIRECT.GET.KV_${DESIRED_BUCKET}`

/** The exports of the supervisors' account, which is the only one with JetStream. */
export const supervisorExports: AccountExports = {
  services: ['kagami.evt.>', 'kagami.api.>', 'kagami.join.*', `${DIRECT_GET}.>`],
  streams: ['kagami.desired.>'],
}

/** The exports of the workers' account. */
export const workerExports: AccountExports = { services: ['kagami.rpc.>'], streams: ['kagami.worker.>'] }

/** The inbox prefix of a worker. Its connection must use it to receive replies. */
export const workerInbox = (workerId: string): string => `_INBOX.${workerId}`

/**
 * The rights of a worker: its own subjects, its own document, its own inbox. An id is one subject token, so it cannot
 * match the subjects of another worker.
 */
export function workerRights(workerId: string): SubjectRights {
  return {
    publish: [
      `kagami.worker.${workerId}.>`,
      `kagami.evt.${workerId}.>`,
      `kagami.api.${workerId}.>`,
      `${DIRECT_GET}.${subjectFor('desired', workerId)}`,
    ],
    subscribe: [`${workerInbox(workerId)}.>`, `kagami.rpc.${workerId}.>`, desiredHint(workerId)],
    answers: true,
  }
}

/** The inbox prefix of a worker that asks for credentials. */
export const JOIN_INBOX = '_INBOX.join'

/** The rights of the holder of a join token: to ask for credentials, and nothing else. */
export const joinRights: SubjectRights = {
  publish: [messages.enrol.subject.replace('<id>', '*')],
  subscribe: [`${JOIN_INBOX}.>`],
  answers: false,
}

/**
 * The rights of the supervisor in the system account: to read and replace the workers' account with its revocations.
 */
export function systemRights(workersAccount: string): SubjectRights {
  return {
    publish: ['$SYS.REQ.CLAIMS.UPDATE', `$SYS.REQ.ACCOUNT.${workersAccount}.CLAIMS.LOOKUP`],
    subscribe: ['_INBOX.>'],
    answers: false,
  }
}

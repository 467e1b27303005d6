// permissions.ts — Who may say and hear what on a locked NATS: two accounts, what crosses between them, and the rights
// of each user.
import { DESIRED_BUCKET, desiredHint, messages, subjectFor } from './messages.ts'

/** The subjects one user of an account may publish to and subscribe to. */
export interface SubjectRights {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  /** May also answer requests it received, whatever their reply subject. */
  readonly answers: boolean
}

/** What one account offers the other: requests it answers, and messages it sends out. */
export interface Offer {
  readonly services: readonly string[]
  readonly streams: readonly string[]
}

const DIRECT_GET = `$JS.API.DIRECT.GET.KV_${DESIRED_BUCKET}`

/** The supervisors' account, which alone has JetStream, offers this to the workers' account. */
export const offeredBySupervisors: Offer = {
  services: ['kagami.evt.>', 'kagami.api.>', 'kagami.join.*', `${DIRECT_GET}.>`],
  streams: ['kagami.desired.>'],
}

/** The workers' account offers this to the supervisors'. */
export const offeredByWorkers: Offer = { services: ['kagami.rpc.>'], streams: ['kagami.worker.>'] }

/** Where a worker of this id gets its answers; its connection must be made with it. */
export const workerInbox = (workerId: string): string => `_INBOX.${workerId}`

/**
 * The rights of a worker: its own subjects, its own document, its own answers. Ids are one subject token, so none
 * reaches into another's.
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

/** Where a program that asks to join gets its answers. */
export const JOIN_INBOX = '_INBOX.join'

/** The rights of whoever holds a join token: to ask, and nothing else. */
export const joinRights: SubjectRights = {
  publish: [messages.enrol.subject.replace('<id>', '*')],
  subscribe: [`${JOIN_INBOX}.>`],
  answers: false,
}

/**
 * The rights the supervisor needs in the system account: to look at and replace the workers' account, where revocations
 * stand.
 */
export function systemRights(workersAccount: string): SubjectRights {
  return {
    publish: ['$SYS.REQ.CLAIMS.UPDATE', `$SYS.REQ.ACCOUNT.${workersAccount}.CLAIMS.LOOKUP`],
    subscribe: ['_INBOX.>'],
    answers: false,
  }
}

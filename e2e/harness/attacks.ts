// attacks.ts — Subjects and messages that an attacker with the credentials of one worker tries on a locked NATS.
import { DESIRED_BUCKET, EVENTS_STREAM } from '@kagami/protocol'
import { sampleJoin, sampleReport } from '@kagami/protocol/testing/samples'
import { newId } from '@kagami/runtime'

export const DIRECT_GET = `$JS.API.DIRECT.GET.KV_${DESIRED_BUCKET}`
/** A text that is only in the victim's document. */
export const SECRET = 'known-to-the-victim-alone'

/** Forbidden messages: what each would do, and its subject. */
export const PUBLISHES: [what: string, subject: string][] = [
  ['forge its heartbeat', 'kagami.worker.victim.hb'],
  ['forge its progress', 'kagami.worker.victim.progress'],
  ['say goodbye for it', 'kagami.worker.victim.goodbye'],
  ['forge its report', 'kagami.evt.victim.report'],
  ['join as it', 'kagami.api.victim.join'],
  ['cancel its sync', 'kagami.rpc.victim.cancel'],
  ['read its log', 'kagami.rpc.victim.log'],
  ['fake its hint', 'kagami.desired.victim'],
  ['overwrite its document', `$KV.${DESIRED_BUCKET}.victim`],
  ['overwrite its own document', `$KV.${DESIRED_BUCKET}.thief`],
  ['read its document', `${DIRECT_GET}.$KV.${DESIRED_BUCKET}.victim`],
  ['read any document by a request in the body', DIRECT_GET],
  ['read a document by its number', `$JS.API.STREAM.MSG.GET.KV_${DESIRED_BUCKET}`],
  ['delete a document', `$JS.API.STREAM.MSG.DELETE.KV_${DESIRED_BUCKET}`],
  ['delete the stream of reports', `$JS.API.STREAM.DELETE.${EVENTS_STREAM}`],
  ['purge the stream of reports', `$JS.API.STREAM.PURGE.${EVENTS_STREAM}`],
  ['change the stream of reports', `$JS.API.STREAM.UPDATE.${EVENTS_STREAM}`],
  ['delete the bucket', `$JS.API.STREAM.DELETE.KV_${DESIRED_BUCKET}`],
  ['make a stream of its own', '$JS.API.STREAM.CREATE.MINE'],
  ['list the streams', '$JS.API.STREAM.NAMES'],
  ['make a consumer that delivers elsewhere', `$JS.API.CONSUMER.CREATE.${EVENTS_STREAM}`],
  ['make a durable consumer', `$JS.API.CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.mine`],
  ['read reports meant for the supervisor', `$JS.API.CONSUMER.MSG.NEXT.${EVENTS_STREAM}.supervisor`],
  ['acknowledge reports for the supervisor', `$JS.ACK.${EVENTS_STREAM}.supervisor.1.1.1.1.0`],
  ['delete the supervisor’s consumer', `$JS.API.CONSUMER.DELETE.${EVENTS_STREAM}.supervisor`],
  ['read the state of JetStream', '$JS.API.INFO'],
  ['answer a request of the victim', '_INBOX.victim.x'],
  ['answer the requests to join', '_INBOX.join.x'],
  ['answer the supervisor in place of another worker', '_R_.AAAAAA.BBBBBB'],
  ['replace the accounts', '$SYS.REQ.CLAIMS.UPDATE'],
  ['list the servers', '$SYS.REQ.SERVER.PING'],
  ['join as a worker of v0', 'kagami.supervisor.join'],
  ['send the heartbeat of a worker of v0', 'kagami.hb.victim'],
  ['send a command as a supervisor of v0', 'kagami.worker.victim.cmd'],
]

export const SUBSCRIPTIONS = [
  '>',
  '*',
  'kagami.>',
  'kagami.*.victim.>',
  'kagami.worker.>',
  'kagami.worker.victim.hb',
  'kagami.evt.>',
  'kagami.api.>',
  'kagami.join.*',
  'kagami.rpc.>',
  'kagami.rpc.victim.>',
  'kagami.desired.>',
  'kagami.desired.*',
  'kagami.desired.victim',
  '_INBOX.>',
  '_INBOX.*.>',
  '_INBOX.victim.>',
  '_R_.>',
  '$KV.>',
  '$JS.>',
  '$JS.EVENT.>',
  '$SYS.>',
]

/** Reply subjects where an answer would do harm if the responder had more rights than the requester. */
export const REPLIES = [
  'kagami.worker.victim.hb',
  'kagami.worker.victim.progress',
  'kagami.worker.victim.goodbye',
  'kagami.evt.victim.report',
  'kagami.api.victim.join',
  `$KV.${DESIRED_BUCKET}.victim`,
  `$JS.API.STREAM.DELETE.${EVENTS_STREAM}`,
  `$JS.API.STREAM.PURGE.${EVENTS_STREAM}`,
  `$JS.API.CONSUMER.DELETE.${EVENTS_STREAM}.supervisor`,
  'kagami.rpc.victim.cancel',
  'kagami.rpc.victim.log',
  'kagami.desired.victim',
  '_INBOX.victim.x',
  '$SYS.REQ.CLAIMS.UPDATE',
]

export const makeJoin = (id: string) => sampleJoin({ worker_id: id, instance: newId(), name: id, kinds: [] })
export const makeReport = (worker: string, replica: string) =>
  sampleReport({
    sync_id: newId(),
    worker_id: worker,
    replica_id: replica,
    name: 'forged',
    outcome: 'failed',
    reason: 'unknown',
    message: 'forged',
    revision: null,
  })

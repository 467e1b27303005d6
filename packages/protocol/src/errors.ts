// errors.ts — Every error code: its HTTP status, exit code, meaning and hint. docs/errors.md is generated from this
// file.
import type { FailureReason } from './model.ts'

/** What an error code means, and how HTTP and the command line report it. */
export interface ErrorEntry {
  readonly status: number
  /** Exit code of the command line. */
  readonly exit: number
  readonly meaning: string
  readonly hint: string
}

const entry = (status: number, exit: number, meaning: string, hint: string): ErrorEntry => ({
  status,
  exit,
  meaning,
  hint,
})

/** Refusals: why a request is not carried out. */
export const errors = {
  invalid_request: entry(
    400,
    2,
    'A field of the request is missing or wrong; the message names it.',
    'Correct the field and send the request again. The reference is at /docs.',
  ),
  invalid_name: entry(
    400,
    2,
    'The name is not allowed for a replica.',
    'Choose another name: letters, digits, ".", "_", "-". Names are never changed silently.',
  ),
  invalid_upstream: entry(
    400,
    2,
    'The upstream does not fit its kind.',
    'git: https://, git:// or ssh://user@host/path; rsync: rsync://host/module/ or ssh://user@host/path/; http: ' +
      'https:// or http://. For git and rsync also file://, below upstream_roots in the worker.toml of the worker. ' +
      'command: https://, http://, rsync://, git://, ftp:// or ftps://. ' +
      'Give credentials as "auth".',
  ),
  invalid_interval: entry(
    400,
    2,
    'The interval is out of range.',
    'Use 0 for syncs on request only, or 1 to 2592000 seconds.',
  ),
  invalid_kind: entry(
    400,
    2,
    'The worker does not offer this kind.',
    'List the kinds of a worker: kagami workers get ID.',
  ),
  invalid_options: entry(
    400,
    2,
    'An option is not valid for this kind.',
    'The options of each kind of a worker are in GET /api/v1/workers/{id}.',
  ),
  name_taken: entry(
    400,
    5,
    'Another replica on this worker has this name.',
    'Names are unique on a worker, ignoring case. Choose another name, or change the other replica: kagami replicas ' +
      'edit NAME@WORKER.',
  ),
  not_approved: entry(400, 5, 'The worker is not approved.', 'Approve it first: kagami workers approve ID.'),
  no_such_replica: entry(400, 3, 'The worker has no such replica.', 'List its replicas: kagami replicas --worker ID.'),
  unknown_worker: entry(400, 3, 'There is no such worker.', 'List the workers: kagami workers.'),
  wrong_host: entry(
    421,
    2,
    'The request was sent to a host name under which this supervisor does not answer.',
    'When it listens on loopback, it answers only under localhost and loopback addresses, so that no web page ' +
      'can reach it. Behind a proxy, add the host name to SUPERVISOR_ALLOWED_HOSTS.',
  ),
  method_not_allowed: entry(
    405,
    2,
    'This path does not have the method of the request.',
    'Use a method that the header Allow of the answer names. The reference is at /docs.',
  ),
  request_too_slow: entry(408, 6, 'The request did not arrive in time.', 'Send it again, all at once.'),
  request_too_long: entry(431, 2, 'Address and headers of the request are too long.', 'Send at most 16 KiB of them.'),
  body_too_large: entry(413, 2, 'The request body is too large.', 'Send at most 1 MiB.'),
  unauthorized: entry(
    401,
    4,
    'Writing takes a token, or somebody who has signed in.',
    'Send "Authorization: Bearer TOKEN". The token is in the file api-token in the state directory of the ' +
      'supervisor, or in SUPERVISOR_API_TOKEN; administrators create others: kagami tokens create NAME. In the UI, ' +
      'sign in.',
  ),
  forbidden: entry(
    403,
    4,
    'Who asks may not do this: the message says which role or scope it takes.',
    'viewer reads, operator writes to replicas and workers, admin also terminates workers and gives out tokens. Ask ' +
      'an administrator for a token that may: kagami tokens create NAME --role ROLE.',
  ),
  too_many_attempts: entry(
    429,
    4,
    'Too many wrong tokens were sent from this address.',
    'Wait for the number of seconds in Retry-After, then try again with the right token.',
  ),
  too_many_writes: entry(
    429,
    6,
    'Too many writes were sent from this address.',
    'Earlier writes were carried out. Wait for the number of seconds in Retry-After, then continue with this one.',
  ),
  not_found: entry(
    404,
    3,
    'There is no such thing here.',
    'Check the id or name. Lists are at /api/v1/workers, /api/v1/replicas and /api/v1/resources.',
  ),
  worker_unreachable: entry(
    504,
    6,
    'The worker did not answer.',
    'It may be offline. See the page of the worker, or try again.',
  ),
  precondition_failed: entry(
    412,
    5,
    'Somebody has changed it since the ETag in If-Match was read.',
    'Read it again, look at what was changed, and send the edit with the new ETag.',
  ),
  conflict: entry(409, 5, 'The present state does not allow this.', 'Look at the present state, then try again.'),
  unavailable: entry(
    503,
    6,
    'The supervisor cannot do this now.',
    'See /readyz for what is missing, and try again. Mirrors keep syncing.',
  ),
  internal: entry(
    500,
    1,
    'There was a fault in the supervisor. It is logged with the request id.',
    'Report it, with the request id. Mirrors keep syncing.',
  ),
} as const satisfies Record<string, ErrorEntry>

/** The codes of refusals. */
export type ErrorCode = keyof typeof errors

/** A request is not carried out: the caller has to change something. */
export class Refusal extends Error {
  readonly code: ErrorCode
  readonly field: string | null
  readonly hint: string
  /** `hint`: what to do in this case, where the one of the code would not help. */
  constructor(code: ErrorCode, message: string, field: string | null = null, hint: string = errors[code].hint) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.field = field
    this.hint = hint
  }
  get status(): number {
    return errors[this.code].status
  }
}

/**
 * When a failed sync is tried again: `soon`, with growing pauses; at the next `interval`; `never`, until something is
 * changed.
 */
export type Retry = 'soon' | 'interval' | 'never'

/** Of syncs that may end while they put files in place one by one. */
export const INTACT = 'Nothing in the published copy is damaged; some of it may already be newer.'

/** How an option is set. */
const SET_OPTION = 'in worker.toml, or kagami replicas edit NAME@WORKER --option KEY=VALUE'

/** Failures: why a sync did not succeed. What each reason means, what to do, and when the worker tries again. */
export const failures: Record<FailureReason, { meaning: string; hint: string; retry: Retry }> = {
  upstream_unreachable: {
    meaning: 'The upstream could not be reached.',
    hint: 'Check the address, and the network between worker and upstream. The worker tries again by itself.',
    retry: 'soon',
  },
  upstream_refused: {
    meaning: 'The upstream answered, but refused the request.',
    hint: 'It may be overloaded, or not allow this worker. See the log, and ask its operators if it continues.',
    retry: 'soon',
  },
  upstream_missing: {
    meaning: 'What the address names is not there.',
    hint:
      'Check the path, module or repository name: it may have moved. Correct it in worker.toml, or with ' +
      'kagami replicas edit NAME@WORKER --upstream URL.',
    retry: 'interval',
  },
  upstream_empty: {
    meaning: 'The upstream is empty, the copy is not.',
    hint: 'Nothing was deleted. Look at the upstream. If it is right: kagami replicas approve NAME@WORKER.',
    retry: 'interval',
  },
  auth_rejected: {
    meaning: 'The upstream rejected the credentials, or needs credentials.',
    hint:
      'Give it working credentials: kagami replicas edit NAME@WORKER --username USER --password-file FILE, or ' +
      '--token-file FILE. Its files stay.',
    retry: 'interval',
  },
  timed_out: {
    meaning: 'The sync took longer than its limit, or the upstream sent nothing for too long.',
    hint:
      'Find out why the upstream is slow. The limits are time_limit_secs and timeout_secs among the options ' +
      `(${SET_OPTION}), and sync_timeout_secs of the worker.`,
    retry: 'soon',
  },
  cancelled: {
    meaning: 'The sync was stopped by an operator.',
    hint: 'Start it again when you want to: kagami sync NAME@WORKER.',
    retry: 'interval',
  },
  interrupted: {
    meaning: 'The worker stopped while the sync was running.',
    hint: 'Nothing to do: it is synced again.',
    retry: 'soon',
  },
  disk_full: {
    meaning: 'The worker’s disk is full.',
    hint: `Free space on the worker, or move the replica. ${INTACT}`,
    retry: 'interval',
  },
  tool_missing: {
    meaning: 'A program this kind needs is not installed on the worker.',
    hint: 'Install it on the worker. Replicas of other kinds are still synced.',
    retry: 'interval',
  },
  content_invalid: {
    meaning: 'What the upstream sent is damaged, or not what it announced.',
    hint: 'What was found damaged was not published. See the log for what was wrong.',
    retry: 'soon',
  },
  local_conflict: {
    meaning: 'The directory of the replica contains something else.',
    hint: 'Move it away, or choose another name. Nothing was changed.',
    retry: 'never',
  },
  kind_unknown: {
    meaning: 'The kind of this replica is not known, so it cannot be synced.',
    hint: 'Add kind and upstream in worker.toml.',
    retry: 'never',
  },
  partial: {
    meaning: 'Only part of the upstream could be read.',
    hint:
      'It is tried again; what could not be read was not taken for gone. If it continues, some files of the ' +
      'upstream cannot be read.',
    retry: 'soon',
  },
  too_many_deletions: {
    meaning: 'The sync would delete more than its limits allow.',
    hint:
      'Nothing was deleted. If it is right: kagami replicas approve NAME@WORKER. If not: kagami replicas reject ' +
      'NAME@WORKER. The limits are the options max_delete_percent and max_shrink_percent ' +
      `(${SET_OPTION}).`,
    retry: 'interval',
  },
  missing_disk: {
    meaning: 'The folder of the copy, or data_dir, does not have the files that were there: its disk is not mounted.',
    hint:
      'Nothing was fetched or deleted. Mount the disk: the next sync goes on as before. If the files are gone for ' +
      'good: kagami replicas approve NAME@WORKER fetches them anew.',
    retry: 'soon',
  },
  foreign_files: {
    meaning: 'The folder has files of another upstream, of another kind, or files that Kagami did not fetch.',
    hint:
      'Nothing was changed. To take them over, so that only what differs is fetched and what the upstream lacks is ' +
      'deleted: kagami replicas adopt NAME@WORKER. If not: choose another name, or move the folder away.',
    retry: 'interval',
  },
  stalled: {
    meaning: 'No bytes and no files arrived for too long. Messages of the upstream do not count.',
    hint: `${INTACT} The limit is the option stall_secs (${SET_OPTION}). If it continues, look at the upstream.`,
    retry: 'soon',
  },
  quota_exceeded: {
    meaning: 'The upstream is larger than a limit of this replica.',
    hint:
      `Raise the option that the message names (quota_mib, max_files, memory_mib): ${SET_OPTION}. Or exclude more ` +
      `of the upstream. ${INTACT}`,
    retry: 'interval',
  },
  address_forbidden: {
    meaning: 'The worker may not connect to this address.',
    hint:
      'Link-local addresses are never allowed. Private addresses are not allowed for an upstream that was public ' +
      'before, nor with upstream_policy = "public-only". If the upstream has a private address now, set the option ' +
      `allow_private (${SET_OPTION}). If not, look at its name server and its redirects. Folders of the worker ` +
      'itself are mirrored only below upstream_roots in its worker.toml.',
    retry: 'interval',
  },
  invalid_options: {
    meaning: 'An option of this replica is not valid for its kind.',
    hint: `Correct the option that the message names: ${SET_OPTION}. The options are in docs/providers.`,
    retry: 'never',
  },
  local_denied: {
    meaning: 'Files on the worker itself belong to somebody else, so the worker may not read or change them.',
    hint: `Give them to the user of the worker (chown -R), who is named in the message. ${INTACT}`,
    retry: 'interval',
  },
  disk_error: {
    meaning: 'The worker’s disk is read-only, fails, or is not reached.',
    hint: `Look at the disk of the worker (dmesg), and mount it writable. ${INTACT}`,
    retry: 'interval',
  },
  unknown: { meaning: 'The sync failed for an unknown reason.', hint: 'See the log of the sync.', retry: 'soon' },
}

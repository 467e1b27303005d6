// errors.ts — Every error we say: code, HTTP status, exit code, hint. docs/errors.md is generated from here.
import type { FailureReason } from './model.ts'

export interface ErrorEntry {
  readonly status: number
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

/** Refusals: we say no to a request. `exit` is the exit code of the command line. */
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
    'The name cannot name a replica.',
    'Choose another name: letters, digits, ".", "_", "-". Names are never changed silently.',
  ),
  invalid_upstream: entry(
    400,
    2,
    'The upstream does not fit its kind.',
    'git: https:// or git://, rsync: rsync://host/module/, http: https:// or http://. git and rsync also ' +
      'file:// below upstream_roots of the worker’s worker.toml. Credentials go into "auth".',
  ),
  invalid_interval: entry(400, 2, 'The interval is out of range.', 'Use 0 for manual only, or 1 to 2592000 seconds.'),
  invalid_kind: entry(
    400,
    2,
    'The worker does not offer this kind.',
    'See the kinds a worker offers: kagami workers get ID.',
  ),
  invalid_options: entry(
    400,
    2,
    'An option of this kind is wrong.',
    'The worker’s announced options are in GET /api/v1/workers/{id}.',
  ),
  name_taken: entry(
    400,
    5,
    'Another replica on this worker has the name.',
    'Names are unique on a worker without regard to case. Choose another, or remove the other replica first.',
  ),
  not_approved: entry(400, 5, 'The worker is not approved.', 'Approve it first: kagami workers approve ID.'),
  no_such_replica: entry(400, 3, 'The worker has no such replica.', 'List its replicas: kagami replicas --worker ID.'),
  unknown_worker: entry(400, 3, 'There is no such worker.', 'List the workers: kagami workers.'),
  wrong_host: entry(
    421,
    2,
    'The request was sent to a name this supervisor does not go by.',
    'On loopback only localhost and loopback addresses are answered, so that no web page can reach it under a ' +
      'name of its own. Behind a proxy, name its host in SUPERVISOR_ALLOWED_HOSTS.',
  ),
  body_too_large: entry(413, 2, 'The request body is too large.', 'Send at most 1 MiB.'),
  unauthorized: entry(
    401,
    4,
    'Writing needs a token.',
    'Send "Authorization: Bearer TOKEN". The token is in the supervisor’s state directory (api-token), or ' +
      'what SUPERVISOR_API_TOKEN says.',
  ),
  too_many_attempts: entry(
    429,
    4,
    'Too many wrong tokens from this address.',
    'Wait as many seconds as Retry-After says, then try again with the right token.',
  ),
  too_many_writes: entry(
    429,
    6,
    'Too many writes from this address.',
    'What was written before is kept. Wait as many seconds as Retry-After says, then go on where it stopped.',
  ),
  not_found: entry(
    404,
    3,
    'There is no such thing here.',
    'Check the id; lists are at /api/v1/workers, /api/v1/replicas, /api/v1/resources.',
  ),
  worker_unreachable: entry(
    504,
    6,
    'The worker did not answer.',
    'It may be offline; what was asked for is kept where it can be. See the worker’s page, or try again.',
  ),
  conflict: entry(
    409,
    5,
    'The thing is not in a state that allows this.',
    'Look at its present state, then try again.',
  ),
  unavailable: entry(
    503,
    6,
    'The supervisor cannot do this just now.',
    'Mirrors keep syncing. See /readyz for what is missing, and try again.',
  ),
  internal: entry(
    500,
    1,
    'A fault in the supervisor. It is logged with the request id.',
    'Report it with the request id. Workers keep mirroring meanwhile.',
  ),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errors

/** We say no: the caller must change something. */
export class Refusal extends Error {
  readonly code: ErrorCode
  readonly field: string | null
  constructor(code: ErrorCode, message: string, field: string | null = null) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.field = field
  }
  get hint(): string {
    return errors[this.code].hint
  }
  get status(): number {
    return errors[this.code].status
  }
}

/**
 * When a failed sync is tried again: `soon` with growing pauses, at the next `interval`, or `never` until someone acts.
 */
export type Retry = 'soon' | 'interval' | 'never'

/** Failures: the world said no. What each reason means, what to do, and when the worker tries again. */
export const failures: Record<FailureReason, { meaning: string; hint: string; retry: Retry }> = {
  upstream_unreachable: {
    meaning: 'The upstream could not be reached.',
    hint: 'Check the address and the network between worker and upstream. The worker tries again by itself.',
    retry: 'soon',
  },
  upstream_refused: {
    meaning: 'The upstream answered, but refused.',
    hint: 'It may be overloaded, or may not allow this worker. See the log; ask its operators if it lasts.',
    retry: 'soon',
  },
  upstream_missing: {
    meaning: 'What the address names is not there.',
    hint: 'Check the path, module or repository name: it may have moved.',
    retry: 'interval',
  },
  upstream_empty: {
    meaning: 'The upstream is empty where the copy is not.',
    hint: 'Nothing was deleted. Look at the upstream. If it is meant: kagami replicas approve NAME@WORKER.',
    retry: 'interval',
  },
  auth_rejected: {
    meaning: 'The upstream rejected the credentials, or wants some.',
    hint: 'Give working credentials as "auth" when adding the replica.',
    retry: 'interval',
  },
  timed_out: {
    meaning: 'The sync took longer than its limit, or nothing moved.',
    hint:
      'Look at why the upstream is slow; the limit is sync_timeout_secs of the worker, or timeout_secs among ' +
      'the options of the kind.',
    retry: 'soon',
  },
  cancelled: {
    meaning: 'Somebody stopped the sync.',
    hint: 'Start it again when you like: kagami sync NAME@WORKER.',
    retry: 'interval',
  },
  interrupted: {
    meaning: 'The worker stopped while the sync ran.',
    hint: 'Nothing to do: it is done again.',
    retry: 'soon',
  },
  disk_full: {
    meaning: 'The worker’s disk is full.',
    hint: 'Free space on the worker or move the replica. The published copy is as it was.',
    retry: 'interval',
  },
  tool_missing: {
    meaning: 'A program this kind needs is not installed on the worker.',
    hint: 'Install it on the worker; other kinds go on meanwhile.',
    retry: 'interval',
  },
  content_invalid: {
    meaning: 'What arrived is not what was promised.',
    hint: 'The published copy is as it was. See the log for what was wrong.',
    retry: 'soon',
  },
  local_conflict: {
    meaning: 'The replica’s directory holds something else.',
    hint: 'Move what is there away, or choose another name. Nothing was changed.',
    retry: 'never',
  },
  kind_unknown: {
    meaning: 'The kind of this replica is unknown, so it is never synced.',
    hint: 'Give it kind and upstream in worker.toml.',
    retry: 'never',
  },
  partial: {
    meaning: 'Only part of the upstream could be read.',
    hint: 'Nothing was deleted. It is tried again; if it lasts, some files of the upstream are unreadable.',
    retry: 'soon',
  },
  too_many_deletions: {
    meaning: 'The sync would delete more than its limit allows.',
    hint:
      'Nothing was deleted. If it is meant: kagami replicas approve NAME@WORKER. If not: kagami replicas reject ' +
      'NAME@WORKER. The limits are max_delete_percent and max_shrink_percent among its options.',
    retry: 'interval',
  },
  stalled: {
    meaning: 'Nothing moved for too long: no byte, no file. What the upstream says meanwhile does not count.',
    hint:
      'The published copy is as it was. The limit is stall_secs among the options; look at the upstream if it ' +
      'happens again.',
    retry: 'soon',
  },
  quota_exceeded: {
    meaning: 'The upstream is larger than a limit of this replica.',
    hint:
      'The published copy is as it was. Raise the limit the message names among the options (quota_mib, ' +
      'max_files, memory_mib), or leave out more of the upstream.',
    retry: 'interval',
  },
  address_forbidden: {
    meaning: 'The address leads where this worker does not go.',
    hint:
      'Link-local addresses are never asked; private ones neither once an upstream was public, nor with ' +
      'upstream_policy = "public-only". If the upstream is meant to have a private address now, set ' +
      'allow_private among the replica’s options. If not, somebody leads it astray: look at its name server ' +
      'and redirects. Folders of the worker’s own machine are mirrored only below upstream_roots of its worker.toml.',
    retry: 'interval',
  },
  invalid_options: {
    meaning: 'An option of this replica does not fit its kind.',
    hint: 'Correct the option named in the message; the options of each kind are in docs/providers.',
    retry: 'never',
  },
  unknown: { meaning: 'The tool failed in a way we do not know.', hint: 'See the log of the sync.', retry: 'soon' },
}

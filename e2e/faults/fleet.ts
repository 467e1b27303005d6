// fleet.ts — Promises about the fleet: programs, NATS, databases and input from people and peers.
import type { Row } from './row.ts'

const WORKER = 'packages/worker/src'
const FAULTS = 'e2e/faults'

/** The rows. */
export const fleet: readonly Row[] = [
  {
    row: 62,
    fault: 'kill -9 of the supervisor, or a database that takes nothing, in the middle of a bulk job',
    promise: 'the job goes on with the rest; each replica is done, none twice',
    proofs: [['e2e/bulk/killed.test.ts', 'goes on with the rest: each replica is requested once']],
  },
  {
    row: 1,
    fault:
      'kill -9 at random moments: of a worker in first syncs and updates, and of worker, supervisor and ' +
      'nats-server of a working fleet',
    promise: 'no report is lost or doubled, every copy is a version of its upstream, nothing is stuck',
    proofs: [
      [
        `${FAULTS}/chaos.test.ts`,
        'loses and doubles no report, publishes nothing torn, and leaves nothing running or stuck',
      ],
      [`${WORKER}/sync/kills.test.ts`, 'as some version of the upstream, and the next sync is right'],
      [`${WORKER}/sync/run.test.ts`, 'in its first git sync leaves no empty mirror'],
    ],
  },
  {
    row: 6,
    fault: 'hostile upstreams',
    promise: 'refused with the field named, nothing is run or written',
    proofs: [
      ['e2e/faults/hostile.test.ts', 'upstreams are refused by the API with the field named'],
      ['e2e/faults/hostile.test.ts', 'the command line refuses them too'],
      ['e2e/faults/api-fuzz.test.ts', 'cause no fault and no crash'],
      [`${WORKER}/sync/local.test.ts`, 'is refused everywhere else'],
    ],
  },
  {
    row: 9,
    fault: 'credentials of upstreams',
    promise: 'in no file, log, argument, message or answer',
    proofs: [
      ['e2e/scenarios/secrets.test.ts', 'is in no file of supervisor, worker and NATS'],
      ['e2e/scenarios/secrets.test.ts', 'does not open for another address'],
      ['e2e/procedures/edit.test.ts', 'which are in no answer, log or audit'],
    ],
  },
  {
    row: 19,
    fault: 'a power cut (the image of a disk, copied while all runs; needs root)',
    promise:
      'copies that were reported as synced are whole, writes that the API confirmed are in the database, what the ' +
      'stream acknowledged is in it, each report counts once',
    proofs: [
      [
        'e2e/faults/power-cut.test.ts',
        'synced copies are whole, accepted writes are kept, every report is in the history once',
      ],
    ],
  },
  {
    row: 27,
    fault: 'absurd intervals',
    promise: 'refused, or kept exactly',
    proofs: [['e2e/faults/hostile.test.ts', 'absurd intervals are refused or kept exactly']],
  },
  {
    row: 28,
    fault: 'hundreds of requests that never end',
    promise: 'other requests do not wait, and these are closed',
    proofs: [['e2e/faults/hostile.test.ts', 'connections that send their request a byte at a time']],
  },
  {
    row: 22,
    fault: 'two supervisors on one database, the older one frozen meanwhile',
    promise: 'the older one writes nothing, logs why and ends',
    proofs: [
      [`${FAULTS}/two-supervisors.test.ts`, 'writes nothing when it continues, logs why, and ends'],
      [`${FAULTS}/two-supervisors.test.ts`, 'notices that another one has taken over'],
      ['e2e/store.test.ts', 'writes nothing once a later term has begun'],
    ],
  },
  {
    row: 15,
    fault: 'kill -9 of the supervisor while people write',
    promise: 'every write that it confirmed is saved and carried out',
    proofs: [[`${FAULTS}/supervisor-dies.test.ts`, 'loses no write that it confirmed, and carries all of them out']],
  },
  {
    row: 17,
    fault: 'kill -9 of nats-server while reports come in',
    promise: 'each report is in the history once',
    proofs: [[`${FAULTS}/nats-fails.test.ts`, 'has every report in its history once']],
  },
  {
    row: 18,
    fault: 'NATS frozen, down for long, restarted without its store, its disk full (the last as root)',
    promise: 'no report is lost',
    proofs: [
      [`${FAULTS}/nats-fails.test.ts`, 'reports everything after it was frozen'],
      [`${FAULTS}/nats-fails.test.ts`, 'reports everything after a long outage'],
      [`${FAULTS}/nats-fails.test.ts`, 'loses nothing when it is started again without its store'],
      [`${FAULTS}/nats-fails.test.ts`, 'keeps its reports on the workers, and sends them when there is space'],
    ],
  },
  {
    row: 16,
    fault: 'a worker that is restarted',
    promise: 'same id, same replicas, those added by the API too',
    proofs: [['e2e/scenarios/programs-die.test.ts', 'a killed worker comes back as itself']],
  },
  {
    row: 20,
    fault: 'a database that is locked, damaged, garbage, empty or full (the last as root)',
    promise: 'no crash; refused where it cannot be used; nothing lost when it can again',
    proofs: [
      [
        `${FAULTS}/database-fails.test.ts`,
        'waits while another process has locked the database, and answers meanwhile',
      ],
      [`${FAULTS}/database-fails.test.ts`, 'refuses to start on a database that is garbage, damaged or empty'],
      [`${FAULTS}/database-fails.test.ts`, 'keeps answering, and stores everything once there is space again'],
    ],
  },
  {
    row: 21,
    fault: 'PostgreSQL stopped at once in the middle of writes',
    promise: 'no exit, no half write, nothing acknowledged is lost',
    proofs: [[`${FAULTS}/database-fails.test.ts`, 'keeps running when the server stops in the middle of writes']],
  },
  {
    row: 23,
    fault: 'two workers with one id or one data_dir',
    promise: 'the second waits, and says for whom; it takes over when the first has ended, however it ended',
    proofs: [
      ['e2e/scenarios/fleet.test.ts', 'a second process with the id of a running worker waits'],
      ['e2e/scenarios/fleet.test.ts', 'a second process on the data_dir of a running worker waits'],
      ['e2e/disks/one-worker.test.ts', 'of two workers on one volume one works at a time'],
    ],
  },
  {
    row: 24,
    fault: 'documents and heartbeats lost, doubled, late, out of order',
    promise: 'worker and supervisor hold the same state once the network is quiet',
    proofs: [
      [
        `${FAULTS}/convergence.test.ts`,
        'hold the same state once the network is quiet, even if messages were lost, doubled or out of order',
      ],
      ['packages/supervisor/src/core/fleet.test.ts', 'a heartbeat that changes nothing changes nothing'],
    ],
  },
  {
    row: 25,
    fault: 'malformed messages on every subject',
    promise: 'each malformed report is set aside, the programs keep answering, nothing exits',
    proofs: [
      [
        `${FAULTS}/poison.test.ts`,
        'keeps answering, sets each malformed report aside, stores the good one after them, and ends no program',
      ],
      [`${FAULTS}/wire-fuzz.test.ts`, 'end no program, and good messages still count'],
    ],
  },
  {
    row: 26,
    fault: 'a wall clock that is set by a year, either way',
    promise: 'syncs neither all start at once nor stop; presence is by our own monotonic clock',
    proofs: [
      [`${WORKER}/core/clock-set.test.ts`, 'intervals go on, no storm, no standstill'],
      ['packages/runtime/src/clock.test.ts', 'tells when it was set, once and by how much'],
      [`${WORKER}/core/schedule.test.ts`, 'unless that lies beyond one interval: then a clock was wrong'],
      ['packages/supervisor/src/core/fleet.test.ts', 'goes from online to late to lost by our own clock'],
    ],
  },
  {
    row: 54,
    fault: 'wall clocks of worker, supervisor and both that are set while replicas sync: by a year, an hour, and back',
    promise: 'no storm, no standstill, nobody is late or ends; afterwards due times and history are in order',
    proofs: [
      [
        'e2e/scenarios/clocks.test.ts',
        'stop no sync, start no storm, take no worker offline, and leave nothing behind',
      ],
      [`${WORKER}/core/clock-set.test.ts`, 'while syncs run, or as they end: each is due within an interval'],
      ['e2e/store.test.ts', 'lists what was recorded last first, also when the clock of a worker was wrong'],
      ['e2e/store.test.ts', 'keeps its history when the clock is a year ahead for an hour'],
    ],
  },
  {
    row: 29,
    fault: 'stolen credentials of a worker',
    promise: 'they act for that worker alone, and can be revoked at once',
    proofs: [
      ...[
        'cannot subscribe to',
        'gains nothing by having answers sent to',
        'gains nothing by naming the victim in its own messages',
        'cannot use the credentials of others',
        'gets no id that belongs to another worker',
      ].map((title) => ['e2e/scenarios/locked-attacks.test.ts', title] as const),
      ['e2e/scenarios/locked-nats.test.ts', 'a revoked worker is disconnected at once and stays out'],
    ],
  },
  {
    row: 30,
    fault: 'peers of other versions',
    promise:
      'recorded messages of every version are accepted, unknown fields ignored, wrong types refused without harm',
    proofs: [
      [`${FAULTS}/golden.test.ts`, 'today’s programs accept each of them, also with unknown fields'],
      [`${FAULTS}/golden.test.ts`, 'some are recorded from this version'],
      ['e2e/wire/messages.test.ts', 'of a wrong type is refused, named, and logged once however often it comes'],
      ['e2e/wire/messages.test.ts', 'answers requests with unknown fields'],
      ['e2e/wire/messages.test.ts', 'a desired document it cannot understand changes nothing'],
    ],
  },
  {
    row: 40,
    fault: 'a backup of the database is restored, within one life of the supervisor or after several, or under it',
    promise: 'the history of the stream comes back, no request takes effect twice, and the log says it',
    proofs: [
      [`${FAULTS}/restored.test.ts`, 'has its history read again, and says so'],
      [`${FAULTS}/restored.test.ts`, 'is noticed by what was confirmed alone'],
      [`${FAULTS}/restored.test.ts`, 'brings no rollback back that was done and undone'],
      [`${FAULTS}/restored.test.ts`, 'brings none back either'],
      [`${FAULTS}/restored.test.ts`, 'needs no memory of the worker for that'],
      [`${FAULTS}/restored.test.ts`, 'while a supervisor runs, makes it end'],
    ],
  },
  {
    row: 47,
    fault: 'state of an early version, which kept credentials in clear',
    promise: 'sealed and erased: afterwards no file of database, NATS and worker has them',
    proofs: [['e2e/scenarios/clear-credentials.test.ts', 'that an early version kept in clear are nowhere afterwards']],
  },
  {
    row: 48,
    fault: 'escape sequences, controls and marks of direction in what upstreams and workers write',
    promise: 'no command and no log prints them as they are',
    proofs: [
      ['packages/cli/src/printed.test.ts', 'shows it with escapes'],
      ['packages/protocol/src/printable.test.ts', 'is never obeyed, whatever it is and wherever it stands'],
    ],
  },
  {
    row: 52,
    fault:
      'random orders of sync, rollback, resume, approve, remove, backup, restore, kill, and one lost file of state',
    promise: 'readers see no version that nobody asked for last, no acknowledged report is lost',
    proofs: [
      [`${FAULTS}/schedules.test.ts`, 'whatever operators and accidents do, readers see what was asked for last'],
    ],
  },
  {
    row: 43,
    fault: 'the database and the running workers of the original Kagami, or a database of another program',
    promise:
      'approvals and replicas are carried over, workers that only send heartbeats go on; others are refused by name',
    proofs: [
      ...[
        'every approval holds and every replica is shown',
        'is online, syncs, gets and loses replicas',
        'becomes a pending one with its replicas',
        'a late heartbeat does not bring it back',
        'a second start changes nothing, and the old tables are still there',
        'brings in a thousand at most',
      ].map((title) => ['e2e/scenarios/original-kagami.test.ts', title] as const),
      ...[
        'is refused by the names of its tables',
        'is refused on PostgreSQL when a table of it has a name of ours',
        'is as it was when the start ends in between',
      ].map((title) => ['e2e/store-takeover.test.ts', title] as const),
    ],
  },
  {
    row: 44,
    fault: 'at the start: a database, NATS, port or directory that is missing, wrong or in use',
    promise:
      'what comes back is awaited, the rest ends with exit code 2; a line says what, a hint what to do, no stack',
    proofs: [
      'that is given a database file',
      'whose database was written by a newer version says so',
      'whose state directory cannot be used names it',
      'whose port is taken names the program that has it',
      'that is given no address of NATS ends',
      'whose data_dir cannot be made names it',
      'makes supervisor and worker wait and say so while it is not there',
      'makes them wait and say so when it wants credentials',
      'makes the supervisor say that it runs without JetStream',
      'ends the start %s, with a line and a cure',
      'is waited for while it is down',
    ].map((title) => [`${FAULTS}/start-errors.test.ts`, title] as const),
  },
  {
    row: 45,
    fault: 'random requests to every route, with and without a token, valid and not',
    promise: 'each answer has a status and a body that /openapi.json lists; refusals have one form and name the field',
    proofs: [
      'random requests',
      'is refused with the field named',
      'is not a method of that path, and the answer names those that are',
      'malformed escapes, long ids and long addresses are refused in the one form',
      'bytes that are no request are refused in the one form too',
      'an empty body where one may be left out is accepted as the reference says',
    ].map((title) => [`${FAULTS}/api-reference.test.ts`, title] as const),
  },
  {
    row: 46,
    fault: 'a worker is rejected and approved again within milliseconds',
    promise: 'it goes on with its syncs; a rejection that stands ends it, also when nobody answers any more',
    proofs: [
      [`${WORKER}/core/worker.test.ts`, 'rejected and approved again at once, goes on as if nothing had happened'],
      [`${WORKER}/core/worker.test.ts`, 'asks again, and ends when that says the same'],
      [`${WORKER}/core/worker.test.ts`, 'ends after a while although nobody answers'],
      ['e2e/scenarios/transient-reject.test.ts', 'goes on when it is approved again at once'],
      ['e2e/scenarios/transient-reject.test.ts', 'ends when the rejection stands'],
    ],
  },
  {
    row: 41,
    fault:
      'each file of state of worker, supervisor and `kagami up` empty, half, garbage, JSON of another shape, a ' +
      'directory or unreadable, with and without the version before it',
    promise:
      'told from missing: said with path and without a stack, recovered or refused (exit 2), never overwritten; ' +
      'published files unchanged, the same worker',
    proofs: [
      [`${FAULTS}/damaged-state.test.ts`, 'is said with its path, kept, and recovered or refused'],
      ['packages/runtime/src/disk/state-file.test.ts', 'is set aside, and the version before it used'],
      ['packages/runtime/src/disk/state-file.test.ts', 'survives any change of any bytes'],
    ],
  },
  {
    row: 42,
    fault: 'a supervisor without file descriptors, because more streams are opened than it may have open files',
    promise: 'it lives, refuses what is too much, answers and writes afterwards; no unasked end is exit 0',
    proofs: [
      [`${FAULTS}/descriptors.test.ts`, 'lives, and answers and writes when they are gone'],
      [`${FAULTS}/descriptors.test.ts`, 'raises a soft limit to the hard one'],
      [`${FAULTS}/descriptors.test.ts`, 'whose parent is killed ends'],
      ['packages/runtime/src/lifecycle.test.ts', 'one because the parent is gone is none'],
    ],
  },
]

// en-pages.ts — English: Overview and the page of one mirror, replica, worker or sync.
export const pages = {
  overview: {
    title: 'Overview', what: 'the overview', attention: 'Needs attention', nothing: 'Nothing needs you.', lastFailure: 'Last failure {ago}: {name} on {worker}.', noFailure: 'No failure is on record.',
    causes: '{r} in 1 cause | {r} in {c} causes', fleetFacts: 'Fleet', failure: 'Last failure', since: 'for {t}', allCauses: 'All {n} causes', retry: 'Retry {n}', retried: 'Requested {n} syncs', pendingWorker: 'Worker waits for approval: {name}',
    review: 'Review', silentWorker: '1 worker is silent | {n} workers are silent', silentHint: 'Its replicas are shown as unknown, with their last facts. | Their replicas are shown as unknown, with their last facts.',
    pendingWorkers: '1 worker waits for approval | {n} workers wait for approval', pendingHint: 'A pending worker syncs nothing.', natsDown: 'The supervisor has lost NATS', natsHint: 'Workers keep mirroring; what they report arrives when it is back.',
    now: 'Now syncing', nothingRuns: 'Nothing is syncing.', nextIn: 'Next', slots: '{running} of {limit} slots, {queued} queued', fleet: 'Fleet by worker', fleetTable: 'View as table',
    fleetAbout: 'One cell per replica, worst first in each worker', fleetPart: 'The first {n} of {total} workers', keys: 'Arrow keys move, Enter opens', strip: 'Replicas by health', workers: 'Workers', storage: 'Storage', storageNone: 'No worker has told its disk yet',
    storageAbout: 'Sum of all workers’ disks; a disk shared by two is counted once', used: '{used} of {total}', online: 'Online', silent: 'Silent', late: 'Late', pending: 'Pending', rejected: 'Rejected', system: 'Supervisor',
    version: 'Version', up: 'Up for', nats: 'NATS', connected: 'connected', lost: 'not connected', mirrors: 'Mirrors', replicas: 'Replicas', others: 'and {n} more',
  },
  setup: {
    title: 'Set up your first mirror', intro: 'The supervisor runs. Three steps are left.', worker: 'Start a worker', workerHint: 'On any machine that reaches NATS. Its data directory is where copies will live.',
    approve: 'Approve it', approveHint: 'It appears under Workers within seconds and waits there.', replica: 'Add a replica', replicaHint: 'Paste an upstream: rsync://, https://… or a .git address.', done: 'Done', toWorkers: 'Open Workers', toAdd: 'Add replica',
    waiting: 'Waiting for the first worker …', nats: 'Put in the address of your NATS server.', token: 'On another machine: run “kagami nats token” where the supervisor is, and put what it prints into KAGAMI_JOIN_TOKEN.',
  },
  mirror: {
    what: 'this mirror', replicas: 'Replicas', syncAll: 'Sync all', syncAllTitle: 'Sync all {n} replicas of {name}?', syncAllText: 'Each worker starts its replica when it has a free slot.', requested: '{n} syncs requested',
    onlyCopy: 'Only one copy. If {worker} is lost, so is this mirror.', newest: 'Newest copy', next: 'Next sync', size: 'Size', kinds: 'Kinds', runs: 'Last syncs', behind: 'Behind newest', newestHere: 'newest',
  },
  replica: {
    what: 'this replica', on: 'on {worker}', sync: 'Sync now', remove: 'Remove', lastOk: 'Last good copy', next: 'Next sync', size: 'Size', files: 'Files', failures: 'Failed in a row', interval: 'Interval', upstream: 'Upstream', kind: 'Kind',
    origin: 'Declared in', originConfig: 'worker.toml', originApi: 'this UI or the API', revision: 'Revision', id: 'Id', labels: 'Labels', options: 'Options', path: 'Directory', runs: 'Last syncs', config: 'Configuration', facts: 'Facts',
    noRuns: 'It has not been synced yet.', lastSync: 'Last sync', stillServed: 'The copy of {t} ago is still in place.', neverOk: 'There is no good copy yet.', current: 'Running now', queue: 'Queued: {n}. in line — {reason}',
    waiting: 'A sync is requested; {worker} has not taken it up yet.', noAnswer: 'No answer from {worker} for {t}. The request is kept; it starts when the worker is back.', content: 'Content of', generation: 'Generation', meaning: 'What this means', openLog: 'Open the log', noLabels: 'none', noOptions: 'none',
    pathUnknown: 'the worker has not said where', gone: 'This replica was removed.', added: 'Added. Waiting for {worker} to take it up …', silentWorker: '{worker} is silent: these facts are its last word.',
  },
  worker: {
    what: 'this worker', approve: 'Approve', reject: 'Reject', terminate: 'Terminate', syncAll: 'Sync all', syncAllTitle: 'Sync all {n} replicas of {name}?', syncAllText: 'They start as slots become free; {limit} at a time.', add: 'Add replica', facts: 'Facts', id: 'Id',
    address: 'Address', host: 'Host', version: 'Version', dir: 'Directory', seen: 'Last seen', first: 'First seen', decided: 'Decided', decidedBy: '{ago} by {who}', disk: 'Disk', slots: 'Syncs', document: 'Configuration applied', upToDate: 'yes (revision {rev})',
    behind: 'revision {have} of {want}: not yet applied', kinds: 'Kinds it can sync', available: 'ready', missing: 'not available', roots: 'also file:// below {folders}', replicas: 'Replicas', runs: 'Last syncs', requested: '{n} syncs requested', requestedAll: 'Sync of all replicas requested', gone: 'This worker was terminated.',
    pending: 'This worker waits for approval and syncs nothing.', rejected: 'Rejected: {reason}', rejectedBare: 'Rejected. It stops itself; to return it must be started again.', lost: 'No heartbeat for {t}. What is shown is its last word.',
    noReplicas: 'It keeps no replica yet.', noKinds: 'It has not announced any.', diskUsed: '{used} of {total} used', diskFree: '{free} free',
  },
  sync: {
    what: 'this sync', title: 'Sync of {name}', on: 'on {worker}', phases: 'Phases', facts: 'Facts', trigger: 'Trigger', started: 'Started', ended: 'Ended', took: 'Took', running: 'running for {t}', received: 'Received', files: 'Files', size: 'Size afterwards',
    revision: 'Revision', exit: 'Exit code', id: 'Id', request: 'Requested as', meaning: 'What this means', hint: 'What to do', tail: 'Last lines', cancel: 'Cancel sync', cancelTitle: 'Cancel this sync?', cancelText: 'The worker stops it and its programs. The published copy stays as it was.', cancelled: 'Cancel requested',
    log: 'Log', noPercent: 'The tool does not say how much is left.', soFar: '{bytes} received', filesSoFar: '1 file | {n} files', onlyRunning: 'known when the sync ends', toolSilent: 'the tool does not say', keep: 'Keep running', replica: 'Replica',
  },
  log: {
    search: 'Search the log', hits: '{at} of {n}', noHits: 'not found', next: 'Next match', previous: 'Previous match', follow: 'Follow', wrap: 'Wrap lines', copy: 'Copy all', download: 'Download', earlier: 'Load earlier lines', new: '↓ 1 new line | ↓ {n} new lines',
    running: 'still being written', size: '{n} in all', empty: 'Nothing written yet.', emptyDone: 'The tool wrote nothing.', what: 'the log', region: 'Log of the sync', fromWorker: 'Logs live on the worker.',
  },
}

// en-lists.ts — English: lists, their columns, filters and empty states.
export const lists = {
  list: {
    shown: '{from}–{to} of {total}', none: 'None', changes: '1 change — apply | {n} changes — apply', loading: 'Loading …', allShown: 'All {total} shown',
    search: 'Search', noMatch: '0 of {total} match', noMatchUnknown: 'Nothing matches', clear: 'Clear filters', filters: 'Filters', sortBy: 'Sort by {column}', worst: 'Worst first',
  },
  column: {
    health: 'Health', state: 'State', mirror: 'Mirror', worker: 'Worker', kind: 'Kind', lastOk: 'Last good copy', took: 'Took', size: 'Size', next: 'Next sync', upstream: 'Upstream', labels: 'Labels',
    name: 'Name', replicas: 'Replicas', version: 'Version', address: 'Address', slots: 'Syncs', disk: 'Disk used', seen: 'Last seen', newest: 'Newest copy', started: 'Started', trigger: 'Trigger', result: 'Result',
    received: 'Received', files: 'Files', log: 'Log', progress: 'Progress', action: 'Actions', approvedBy: 'Approved by', detail: 'Tool',
  },
  replicas: {
    title: 'Replicas', one: '1 replica | {n} replicas', search: 'Name, upstream or worker', add: 'Add replica', what: 'the replicas',
    emptyTitle: 'No replicas yet', empty: 'A replica is one upstream kept by one worker. Add one here, or declare it in a worker’s worker.toml.', emptyNoWorker: 'No worker is approved yet, so nothing can be mirrored.',
    toWorkers: 'Go to workers', queue: '{n}. in the queue', requested: 'requested', kindAny: 'All kinds', kindFilter: 'Filter by kind', filterWorker: 'worker: {v}', filterCause: 'cause: {v}', filterLabel: 'label: {v}', filterName: 'mirror: {v}', remove: 'Remove filter {v}',
  },
  mirrors: {
    title: 'Mirrors', one: '1 mirror | {n} mirrors', search: 'Name', what: 'the mirrors', emptyTitle: 'No mirrors yet', empty: 'A mirror appears when a worker has its first replica.',
    onlyCopy: 'Only copy', freshOf: '{fresh}/{total} fresh', about: 'One name, all its replicas.',
  },
  workers: {
    title: 'Workers', one: '1 worker | {n} workers', search: 'Name, id or host', what: 'the workers', emptyTitle: 'No workers yet', empty: 'A worker keeps replicas on its own disk. Start one with:',
    silent: 'Silent {t}', conflict: 'Another process claims the same id', older: 'Older version of the wire', autoApprove: 'Workers join without anybody’s approval: auto-approve is on.',
    pendingTitle: 'Waiting for approval', pendingAbout: 'A pending worker syncs nothing.', noAddress: 'no address', running: '{running} of {limit}', queued: '+{n} queued', declared: '{n} declared',
    notTold: 'The worker has not said yet', all: 'All', approved: 'Approved',
  },
  syncs: {
    title: 'Syncs', one: '1 sync | {n} syncs', what: 'the syncs', emptyTitle: 'No syncs yet', empty: 'A sync is listed here from the moment it starts.', running: 'Running', finished: 'Finished', noBytes: 'The tool does not say',
    noLog: 'open', of: 'of {n} slots', phaseOnly: '{phase}',
  },
}

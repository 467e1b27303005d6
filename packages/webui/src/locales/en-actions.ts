// en-actions.ts — English: dialogs and forms that change things.
export const actions = {
  approve: { done: '{name} is approved', failed: 'not approved' },
  reject: {
    title: 'Reject {name}?', text: 'The worker process stops itself. To return it must be started again.', reason: 'Reason', reasonHint: 'Sent to the worker and kept with it.', presets: ['Unknown machine', 'Wrong network', 'Replaced by another worker'],
    confirm: 'Reject', done: '{name} is rejected', needed: 'Say why, so that its operator knows.',
  },
  terminate: {
    title: 'Terminate {name}?', replicas: 'Its 1 replica leaves the fleet. | Its {n} replicas leave the fleet.', noReplicas: 'It keeps no replica.', running: '1 running sync is stopped. | {n} running syncs are stopped.', noRunning: 'No sync is running on it.', runningUnknown: 'Whether syncs are running is not known: it has not said.',
    lastCopies: 'This mirror loses its only copy: | These {n} mirrors lose their only copy:', noLastCopies: 'Every mirror it keeps has another copy.', checking: 'Looking for mirrors that would lose their only copy …', unchecked: 'Could not check which mirrors would lose their only copy: {why}',
    files: 'Files on its disk stay{dir}.', filesIn: ' in {dir}', noUndo: 'This cannot be undone. The same machine can join again as a new worker.', type: 'Type the worker’s name to go on: {name}', confirm: 'Terminate', done: '{name} is terminated', more: 'and {n} more',
  },
  removeReplica: {
    title: 'Remove {name} from {worker}?', files: 'The files stay in {path} ({size}).', filesNoSize: 'The files stay in {path}.', running: 'Its running sync is stopped.', lastCopy: 'This is the only copy of {name}.', type: 'Type {name} to go on', again: 'Adding it again with the same name takes the files up where they are.',
    fromConfig: 'It is declared in worker.toml: remove it there too, or it may come back when the worker’s state is lost.', confirm: 'Remove', done: '{name} is removed from {worker}',
  },
  syncNow: { done: 'Sync of {name} on {worker} requested' },
  hold: {
    title: 'Waits for a decision', many: 'A sync would delete {removed} of {total} entries', empty: 'The upstream is empty; the copy has {total} entries', shrink: 'A sync would make the copy much smaller', nothing: 'Nothing was deleted. The copy is served as it was.', since: 'Held',
    approve: 'Approve deletion', reject: 'Reject', wasRejected: 'Rejected: nothing is deleted until the upstream changes.', list: 'What would go: {n} of {of}', more: 'More of them are in the log of the sync', type: 'Type {name} to go on',
    approveTitle: 'Delete {removed} of {total} entries of {name}?', approveText: 'The next sync, which starts now, may delete {removed} entries.', approveOnce: 'Just once: if more would go by then, it is held again.', approved: 'Approved: {name} syncs now', rejected: 'Rejected: nothing of {name} is deleted',
  },
  pause: { pause: 'Pause', resume: 'Resume', paused: '{name} on {worker} is paused', resumed: '{name} on {worker} goes on', by: 'Paused by {who}' },
  rollback: { button: 'Go back', title: 'Put the earlier tree of {name} in place?', text: 'Readers see the tree before the present one from then on.', pauses: 'The replica is paused, so that the next sync does not undo it.', done: '{name} goes back to its earlier tree' },
  add: {
    common: 'Publishing, guard, schedule and limits',
    title: 'Add replica', upstream: 'Upstream', upstreamHint: 'Paste an address: rsync://host/module/, https://… or one that ends in .git', kind: 'Kind', name: 'Name', nameHint: 'People find the mirror by it. It is also the directory.', worker: 'Worker', chooseWorker: 'Choose a worker',
    noWorker: 'No approved worker yet. Approve one first.', path: 'Files go to {path}', pathUnknown: 'Files go to a directory of this name; the worker has not said where.', interval: 'Schedule', every: 'Every', manual: 'Only by hand', amount: 'Amount', unit: 'Unit',
    seconds: 'seconds', minutes: 'minutes', hours: 'hours', days: 'days', often: 'More often than once a minute is hard on the upstream.', labels: 'Labels', labelsHint: 'key=value, separated by commas', auth: 'Credentials', authNone: 'None', authBasic: 'User name and password', authToken: 'Token',
    authHint: 'Write-only: sent to the worker, never shown again.', user: 'User name', password: 'Password', token: 'Token', options: 'Options of {kind}', noOptions: 'This kind has no options.', optionsUnknown: 'The worker has not announced the options of this kind.', save: 'Add replica', saveSync: 'Add and sync now',
    done: '{name} is added to {worker}', problems: 'Please look at:', taken: '{worker} already has a replica called {name}', second: '{name} is already kept by {workers}: this becomes a further copy.', kindMissing: '{worker} cannot sync this kind: {why}', kindAbsent: '{worker} does not offer this kind',
    required: 'is required', number: 'must be a number', whole: 'must be a whole number', min: 'must be at least {n}', max: 'must be at most {n}', json: 'must be valid JSON', labelForm: '“{part}” is not key=value', guessed: 'Guessed from the upstream', free: '{free} free', onePerLine: 'One per line',
    defaultIs: 'Default: {v}', optionDefault: 'Default', yes: 'Yes', no: 'No', asJson: 'As JSON', inherits: 'Uses the worker’s own setting when empty.', discard: 'What you typed is not saved.',
  },
}

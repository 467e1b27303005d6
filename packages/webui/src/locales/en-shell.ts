// en-shell.ts — English: the frame, states, times and errors.
export const shell = {
  app: { name: 'Kagami', skip: 'Skip to the page', nav: 'Main', notFound: 'There is no such page', notFoundHint: 'The address may be mistyped, or the thing was removed.', toOverview: 'Go to Overview' },
  nav: { overview: 'Overview', mirrors: 'Mirrors', replicas: 'Replicas', workers: 'Workers', syncs: 'Syncs', collapse: 'Collapse', expand: 'Expand', pendingTally: '{n} waiting for approval' },
  theme: { label: 'Theme', system: 'System theme', light: 'Light theme', dark: 'Dark theme' },
  live: {
    live: 'Live', connecting: 'Connecting', reconnecting: 'Reconnecting', reconnectingIn: 'Reconnecting {s} s', offline: 'Offline — data from {time}', offlineNoData: 'Offline — no data yet',
    about: 'Changes appear here by themselves.', retry: 'Try now',
    banner: 'No connection to the supervisor. What you see is from {time}; ages keep counting, and changing things is switched off until it is back. Mirrors keep syncing.',
    bannerNoData: 'No connection to the supervisor. This page tries again by itself. Mirrors keep syncing.',
  },
  session: {
    signIn: 'Sign in', signOut: 'Sign out', title: 'Sign in', token: 'API token', keep: 'It is kept in this browser until you sign out.',
    about: 'Reading is open; changing things needs the token of the supervisor. It prints a sign-in link when it starts, and keeps the token in its state directory in the file api-token.',
    wrong: 'The supervisor does not know this token.', empty: 'Paste the token first.', signedIn: 'Signed in', signedOut: 'Signed out', open: 'Open access',
    openAbout: 'This supervisor asks for no token: anyone who reaches this page can change things.',
  },
  write: { signIn: 'Sign in to change things', offline: 'No connection to the supervisor: nothing can be changed now' },
  health: {
    failed: 'Failed', held: 'Held', stale: 'Stale', stuck: 'Stuck', unknown: 'Unknown', late: 'Late', syncing: 'Syncing', queued: 'Queued', paused: 'Paused', new: 'New', fresh: 'Fresh',
  },
  workerState: { pending: 'Pending', rejected: 'Rejected', online: 'Online', late: 'Late', lost: 'Silent' },
  syncState: { running: 'Running', success: 'OK', failed: 'Failed', cancelled: 'Cancelled', interrupted: 'Interrupted', held: 'Held' },
  activity: { idle: 'Idle', queued: 'Queued', syncing: 'Syncing', paused: 'Paused' },
  trigger: { schedule: 'Schedule', manual: 'By hand', retry: 'Retry' },
  phase: {
    preparing: 'Preparing', connecting: 'Connecting', listing: 'Listing', transferring: 'Transferring', deleting: 'Deleting', verifying: 'Verifying', publishing: 'Publishing',
  },
  reason: {
    upstream_unreachable: 'Upstream unreachable', upstream_refused: 'Upstream refused', upstream_missing: 'Upstream missing', upstream_empty: 'Upstream empty',
    auth_rejected: 'Credentials rejected', timed_out: 'Timed out', cancelled: 'Cancelled', interrupted: 'Interrupted', disk_full: 'Disk full', tool_missing: 'Tool missing',
    content_invalid: 'Content invalid', local_conflict: 'Directory taken', kind_unknown: 'Unknown kind', partial: 'Partly read', unknown: 'Unknown failure',
    too_many_deletions: 'Too many deletions', stalled: 'Stalled', quota_exceeded: 'Over quota', address_forbidden: 'Address not allowed', invalid_options: 'Option wrong',
  },
  retryRule: {
    soon: 'The worker tries again soon by itself, with growing pauses.', interval: 'The worker tries again at the next interval.', never: 'It is not tried again until someone acts.', manual: 'It is synced only by hand, so it is not tried again by itself.',
  },
  time: { ago: '{t} ago', in: 'in {t}', now: 'now', due: 'due', never: 'never', every: 'every {t}', manual: 'by hand only' },
  none: { noSample: 'No sample yet', why: 'not known: {why}' },
  error: {
    title: 'Could not load {what}', request: 'Request {id}', retry: 'Retry', close: 'Close',
    unreachable: 'Cannot reach the supervisor at {origin}', unreachableHint: 'It may be stopped, or the network is down. This page tries again by itself.', faultHint: 'A fault in this page. Reload it; if it stays, report it.',
    waiting: 'Waiting for {what} …',
  },
  act: { cancel: 'Cancel', close: 'Close', copy: 'Copy', copied: 'Copied', clear: 'Clear', retry: 'Retry', open: 'Open', more: 'Load more', all: 'All' },
}

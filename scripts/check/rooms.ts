// rooms.ts — The tests that `npm run check` runs for a change in a room. Each row takes well under a minute; `npm test`
// runs everything.

const SCENARIOS = 'e2e/scenarios'
const WORKER = 'packages/worker/src'
const SUPERVISOR = 'packages/supervisor/src'

/**
 * Tests by room, as paths from the root; a folder means every test below it. For a file in several rooms the longest
 * path decides.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  'packages/protocol': [
    'packages/protocol',
    `${SUPERVISOR}/core`,
    `${WORKER}/core`,
    `${WORKER}/config`,
    'e2e/faults/golden.test.ts',
    'e2e/wire/messages.test.ts',
  ],
  'packages/runtime': ['packages/runtime', 'e2e/wire/messages.test.ts'],
  'packages/runtime/src/disk': ['packages/runtime/src/disk', 'e2e/disks/one-worker.test.ts'],
  'packages/runtime/src/nats': ['packages/runtime', `${SCENARIOS}/up.test.ts`],

  [WORKER]: [
    `${WORKER}/config`,
    `${WORKER}/folder-watch.test.ts`,
    `${SCENARIOS}/folders.test.ts`,
    `${SCENARIOS}/fleet.test.ts`,
  ],
  [`${WORKER}/config`]: [`${WORKER}/config`],
  [`${WORKER}/core`]: [`${WORKER}/core`, 'e2e/faults/convergence.test.ts'],
  [`${WORKER}/edge`]: [`${WORKER}/edge`, `${SCENARIOS}/fleet.test.ts`, 'e2e/wire/whole-states.test.ts'],
  [`${WORKER}/http`]: [`${WORKER}/http`, `${WORKER}/providers/http`],
  [`${WORKER}/listings`]: [`${WORKER}/listings`, `${WORKER}/providers/http/servers.test.ts`],
  [`${WORKER}/programs`]: [`${WORKER}/programs`, `${WORKER}/sync/run.test.ts`],
  [`${WORKER}/providers`]: ['git', 'http', 'rsync'].map((kind) => `${WORKER}/providers/${kind}/${kind}.test.ts`),
  [`${WORKER}/providers/command`]: [`${WORKER}/providers/command`, 'e2e/procedures/commands.test.ts'],
  [`${WORKER}/providers/git`]: [`${WORKER}/providers/git`],
  [`${WORKER}/providers/git-lfs`]: [`${WORKER}/providers/git-lfs`],
  [`${WORKER}/providers/http`]: [`${WORKER}/providers/http`],
  [`${WORKER}/providers/rsync`]: [`${WORKER}/providers/rsync`],
  [`${WORKER}/proxy`]: [`${WORKER}/proxy`, 'e2e/procedures/proxies.test.ts'],
  [`${WORKER}/ssh`]: [`${WORKER}/ssh`, 'e2e/procedures/ssh.test.ts'],
  [`${WORKER}/sync`]: [`${WORKER}/sync`, `${WORKER}/hints.test.ts`],
  [`${WORKER}/trial`]: [`${WORKER}/trial`, 'e2e/api/trial.test.ts'],
  [`${WORKER}/testing`]: [
    ...['git', 'http', 'rsync'].map((kind) => `${WORKER}/providers/${kind}/${kind}.test.ts`),
    `${WORKER}/listings`,
  ],
  [`${WORKER}/leftovers`]: [`${WORKER}/leftovers`, `${SCENARIOS}/folders.test.ts`],
  // Not readers.test.ts: its hundred swaps alone take a minute.
  [`${WORKER}/tree`]: [
    `${WORKER}/tree/adopt.test.ts`,
    `${WORKER}/tree/own-files.test.ts`,
    `${WORKER}/tree/apply-fork.test.ts`,
    `${WORKER}/tree/generations.test.ts`,
    `${WORKER}/tree/names.test.ts`,
    `${WORKER}/tree/swap-served.test.ts`,
    `${WORKER}/sync/run.test.ts`,
    'e2e/disks/missing-disk.test.ts',
  ],

  [SUPERVISOR]: [`${SCENARIOS}/supervisor.test.ts`, `${SCENARIOS}/fleet.test.ts`],
  [`${SUPERVISOR}/api`]: ['e2e/api', 'e2e/wire/messages.test.ts'],
  [`${SUPERVISOR}/commands`]: [
    `${SCENARIOS}/holds.test.ts`,
    'e2e/bulk/actions.test.ts',
    `${SCENARIOS}/fleet.test.ts`,
    'e2e/procedures/edit-line.test.ts',
  ],
  [`${SUPERVISOR}/core`]: [`${SUPERVISOR}/core`, `${SCENARIOS}/fleet.test.ts`, 'e2e/wire/messages.test.ts'],
  [`${SUPERVISOR}/edge`]: [
    `${SUPERVISOR}/edge`,
    'e2e/wire',
    `${SCENARIOS}/older-worker.test.ts`,
    'e2e/store-reports.test.ts',
  ],
  [`${SUPERVISOR}/importing`]: [`${SUPERVISOR}/importing`, 'e2e/api/import.test.ts'],
  [`${SUPERVISOR}/live`]: [`${SUPERVISOR}/live`, `${SCENARIOS}/fleet.test.ts`],
  [`${SUPERVISOR}/status`]: [`${SUPERVISOR}/status`, 'e2e/status'],
  [`${SUPERVISOR}/store`]: [
    'e2e/store.test.ts',
    'e2e/bulk/store.test.ts',
    'e2e/store-reports.test.ts',
    'e2e/store-fleet.test.ts',
    'e2e/store-history.test.ts',
    'e2e/store-disks.test.ts',
    'e2e/store-incidents.test.ts',
    'e2e/store-takeover.test.ts',
    `${SCENARIOS}/supervisor.test.ts`,
  ],

  'packages/cli': ['packages/cli', `${SCENARIOS}/cli.test.ts`],
  'packages/cli/src/nats': ['packages/cli', `${SCENARIOS}/open-nats.test.ts`],
  'packages/cli/src/serve': ['packages/cli'],
  'packages/cli/src/ssh': ['packages/cli/src/ssh'],
  'packages/cli/src/up': ['packages/cli', `${SCENARIOS}/up.test.ts`],
  'packages/webui': ['packages/webui', 'e2e/browser/holds.test.ts'],
  'packages/demo': ['packages/demo', `${SCENARIOS}/up.test.ts`],

  e2e: ['e2e/faults/scoreboard.test.ts'],
  'e2e/golden': ['e2e/faults/golden.test.ts'],
  // Not move.test.ts: it takes a minute.
  'e2e/procedures': ['e2e/procedures/take-over.test.ts'],
  'e2e/harness': [`${SCENARIOS}/fleet.test.ts`, `${SCENARIOS}/supervisor.test.ts`],
}

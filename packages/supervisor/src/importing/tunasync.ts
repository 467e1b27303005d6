// tunasync.ts — The mirrors of a worker.conf of tunasync in the words of Kagami: nested mirrors, intervals in minutes,
// options of rsync. Pure.
import { countOf, CREDENTIALS, leftOut, tableOf, textOf, textsOf, type Imported, type Table } from './imported.ts'
import { readRsyncWords, rulesAsOptions } from './rsync-words.ts'

const MINUTE = 60
/** Keys that say how, when or from where a mirror is fetched: they are taken over. The others are named. */
const TAKEN = new Set([
  'name',
  'provider',
  'upstream',
  'interval',
  'timeout',
  'rsync_options',
  'rsync_timeout',
  'use_ipv4',
  'use_ipv6',
  'stage1_profile',
  'username',
  'password',
])
/** Keys that mean nothing for Kagami, which has its own way. */
const MEANINGLESS = new Set(['retry', 'log_dir', 'role', 'rsync_no_timeout', 'mirrors'])

/** The mirrors that `[[mirrors]]` declare; one that has mirrors of its own is only their pattern. */
export function readTunasync(values: Table): Imported[] {
  const global = tableOf(values['global']) ?? {}
  return leavesOf(values['mirrors'], {}).map((mirror) => readMirror(mirror, global))
}

/** What a mirror does not say is said by the one around it. Zero, false and empty texts say nothing there. */
function leavesOf(mirrors: unknown, outer: Table): Table[] {
  const tables: unknown[] = Array.isArray(mirrors) ? mirrors : []
  return tables.flatMap((one) => {
    const own = tableOf(one) ?? {}
    const said = Object.entries(own).filter(([, value]) => value !== '' && value !== 0 && value !== false)
    const { mirrors: inner, ...merged } = { ...outer, ...Object.fromEntries(said) } as Table
    const isPattern = Array.isArray(own['mirrors']) && own['mirrors'].length > 0
    return isPattern ? leavesOf(inner, merged) : [merged]
  })
}

function readMirror(mirror: Table, global: Table): Imported {
  const name = textOf(mirror['name'])
  const provider = textOf(mirror['provider']) || 'rsync'
  const refused = (why: string): Imported => ({
    name: name || 'a mirror without a name',
    replica: null,
    why,
    notes: [],
  })
  if (name === '') return refused('name is required')
  if (provider === 'command')
    return refused(
      'a program keeps it: name that under [[commands]] in worker.toml, and add a replica of kind command ' +
        '(docs/providers/command.md)',
    )
  if (provider !== 'rsync' && provider !== 'two-stage-rsync') return refused(`provider "${provider}" is unknown`)
  const upstream = textOf(mirror['upstream'])
  if (upstream === '') return refused('upstream is required')
  const twoStage = provider === 'two-stage-rsync'
  // tunasync gives these to a sync in one stage only.
  const words = [...(twoStage ? [] : textsOf(global['rsync_options'])), ...textsOf(mirror['rsync_options'])]
  const { options, rules, unknown } = readRsyncWords(words)
  const minutes = countOf(mirror['interval']) ?? countOf(global['interval'])
  const others = Object.keys(mirror).filter((key) => !TAKEN.has(key) && !MEANINGLESS.has(key))
  return {
    name,
    replica: {
      name,
      kind: 'rsync',
      upstream,
      interval_secs: minutes === null ? null : minutes * MINUTE,
      labels: {},
      options: { ...optionsOf(mirror, global, twoStage), ...options, ...rulesAsOptions(rules) },
    },
    why: null,
    notes: [
      ...(minutes === null ? ['it has no interval, and is synced on request only'] : []),
      ...('password' in mirror || 'username' in mirror ? [CREDENTIALS] : []),
      ...(mirror['exclude_file']
        ? [`write the patterns of ${textOf(mirror['exclude_file'])} as its option exclude`]
        : []),
      ...leftOut([...others.filter((key) => key !== 'exclude_file'), ...unknown]),
    ],
  }
}

function optionsOf(mirror: Table, global: Table, twoStage: boolean): Record<string, unknown> {
  const limit = countOf(mirror['timeout']) ?? countOf(global['timeout'])
  const silence = countOf(mirror['rsync_timeout'])
  const family = mirror['use_ipv6'] ? 'ipv6' : mirror['use_ipv4'] ? 'ipv4' : null
  return {
    compress: false,
    // As tunasync always does.
    extra_options: ['--hard-links'],
    ...(twoStage ? { two_stage: textOf(mirror['stage1_profile']) } : {}),
    ...(limit === null ? {} : { time_limit_secs: limit }),
    ...(silence === null ? {} : { timeout_secs: silence }),
    ...(family === null ? {} : { address_family: family }),
  }
}

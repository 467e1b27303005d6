// yuki.ts — The repositories of Yuki in the words of Kagami: a YAML file for each, whose image says how it is synced.
// Pure.
import { CREDENTIALS, leftOut, tableOf, textOf, type Imported, type Table } from './imported.ts'
import { readSchedule } from './cron.ts'
import { readRsyncWords, rulesAsOptions } from './rsync-words.ts'
import { readYaml, type YamlDocument } from './yaml.ts'

/** Keys of a repository that are taken over, or mean nothing for Kagami, which has its own way. */
const KNOWN = new Set(['name', 'cron', 'image', 'storageDir', 'envs', 'logRotCycle', 'retry', 'network'])
/** Variables that mean nothing for Kagami. */
const MEANINGLESS = new Set(
  (
    'DEBUG RETRY LOG_ROTATE_CYCLE $UPSTREAM RSYNC_DELETE_DELAY GITSYNC_REMOTE GITSYNC_MIRROR GITSYNC_BITMAP ' +
    'GITSYNC_GEOMETRIC GITSYNC_MAINTENANCE_INTERVAL_SECONDS'
  ).split(' '),
)
/** What is repeated to people: where a quote is missing, a value goes on to the next lines, and may have a secret. */
const SHOWN = /^\S{1,200}$/

/** What an image is told by its variables. */
type Variables = ReadonlyMap<string, string>

/** How what an image syncs is synced here; `why`: it cannot be. */
interface Synced {
  readonly kind: string
  readonly upstream: string
  readonly options: Readonly<Record<string, unknown>>
  /** Variables that are taken over. */
  readonly taken: readonly string[]
  readonly notes: readonly string[]
}

type ReadImage = (envs: Variables) => Synced | { readonly why: string }

const IMAGES: Readonly<Record<string, ReadImage>> = { rsync: readRsync, gitsync: readGit }

/** The repository, or the repositories, of a text. `file`: how messages call it. */
export function readYuki(text: string, file: string): Imported[] {
  const found = readYaml(text, file)
  if (found.length > 0) return found.map((document) => readRepository(document, file))
  return [{ name: file, replica: null, why: `${file}, line 1: it declares no repository`, notes: [] }]
}

/** Whether a text is rather of Yuki than of something else. */
export function looksLikeYuki(text: string): boolean {
  return /^(?:name|cron|image|storageDir|envs)[ \t]*:(?:\s|$)/m.test(text)
}

function readRepository({ values, problem, placeOf }: YamlDocument, file: string): Imported {
  const said = values ? textOf(values['name']) : ''
  const refused = (why: string): Imported => ({
    name: SHOWN.test(said) ? said : file,
    replica: null,
    why,
    notes: [],
  })
  if (!values) return refused(problem ?? '')
  const wrong = ['name', 'cron', 'image'].find((key) => values[key] !== undefined && typeof values[key] !== 'string')
  if (wrong !== undefined) return refused(`${placeOf(wrong)}: ${wrong} must be one value`)
  const lacking = ['name', 'cron', 'image'].find((key) => textOf(values[key]) === '')
  if (lacking !== undefined) return refused(`${placeOf()}: ${lacking} is required`)
  const odd = ['name', 'image'].find((key) => !SHOWN.test(textOf(values[key])))
  if (odd !== undefined) return refused(`${placeOf(odd)}: ${odd} must be one word of at most 200 characters`)
  const schedule = readSchedule(textOf(values['cron']))
  if (!schedule)
    return refused(`${placeOf('cron')}: cron has neither five fields, nor a word such as @daily, nor @every 1h30m`)
  const envs = variablesOf(values['envs'])
  if (!envs) return refused(`${placeOf('envs')}: envs must be a table of names and values`)
  const synced = readImage(textOf(values['image']), envs)
  if ('why' in synced) return refused(`${placeOf('image')}: ${synced.why}`)
  const { kind, upstream, options } = synced
  return {
    name: said,
    replica: {
      name: said,
      kind,
      upstream,
      interval_secs: schedule.interval_secs,
      labels: {},
      options: { ...schedule.options, ...options },
    },
    why: null,
    place: placeOf('name'),
    notes: [
      ...(schedule.isLocal ? ['its cron is taken as UTC: set timezone when it meant another zone'] : []),
      ...synced.notes,
      ...notesOf(values, envs, synced.taken),
    ],
  }
}

function readImage(image: string, envs: Variables): ReturnType<ReadImage> {
  const [, name] = /(?:^|\/)ustcmirror\/([a-z0-9-]+)(?:[:@]|$)/.exec(image) ?? []
  const read = name !== undefined && Object.hasOwn(IMAGES, name) ? IMAGES[name] : undefined
  if (read) return read(envs)
  return {
    why:
      `the image ${image} is a program of its own: name it under [[commands]] in worker.toml, and ` +
      'add a replica of kind command (docs/providers/command.md)',
  }
}

/** What stands in the file and is not taken over; of variables their names alone, as their values may be secrets. */
function notesOf(values: Table, envs: Variables, taken: readonly string[]): string[] {
  const others = Object.keys(values).filter((key) => !KNOWN.has(key))
  const variables = [...envs.keys()].filter((key) => !taken.includes(key) && !MEANINGLESS.has(key))
  const storage = textOf(values['storageDir'])
  // A line that lacks its colon may hold a secret.
  const shown = [...others, ...variables].map((key) => (/^[\w$.-]{1,64}$/.test(key) ? key : 'a key that is no name'))
  return [
    ...(SHOWN.test(storage) ? [`files in ${storage} stay there: a first sync fetches all anew`] : []),
    ...leftOut([...new Set(shown)]),
  ]
}

/** Variables by name; null: they are none. A variable without a value is left away. */
function variablesOf(value: unknown): Variables | null {
  if (value === undefined || value === '') return new Map()
  const entries = Object.entries(tableOf(value) ?? { '': null })
  if (entries.some(([, one]) => typeof one !== 'string')) return null
  return new Map((entries as [string, string][]).filter(([, one]) => one !== ''))
}

/** Whether a variable says true; `fallback`: what the image does without it. */
function isOn(envs: Variables, name: string, fallback: boolean): boolean {
  return envs.has(name) ? envs.get(name) === 'true' : fallback
}

function readRsync(envs: Variables): ReturnType<ReadImage> {
  const [host = '', path = ''] = [envs.get('RSYNC_HOST'), envs.get('RSYNC_PATH')]
  if (host === '' || path === '') return { why: 'RSYNC_HOST and RSYNC_PATH are required' }
  if (!SHOWN.test(host + path)) return { why: 'RSYNC_HOST and RSYNC_PATH must have no spaces' }
  const hindrance = rsyncHindrance(envs)
  if (hindrance !== null) return { why: hindrance }
  const wordsOf = (name: string) => (envs.get(name) ?? '').split(/\s+/).filter((word) => word !== '')
  const [excludes, extra] = [readRsyncWords(wordsOf('RSYNC_EXCLUDE')), readRsyncWords(wordsOf('RSYNC_EXTRA'))]
  const filters = (envs.get('RSYNC_FILTER') ?? '').split('\n').map((line) => line.trim())
  const rules = [...filters.filter((line) => line !== '' && !/^[#;]/.test(line)), ...excludes.rules, ...extra.rules]
  const deletesExcluded = rules.length > 0 && isOn(envs, 'RSYNC_DELETE_EXCLUDED', true)
  const blocks = envs.get('RSYNC_BLKSIZE')
  return {
    kind: 'rsync',
    upstream: `rsync://${host.replace(/^.*@/, '')}/${path.replace(/^\/+/, '').replace(/\/*$/, '/')}`,
    options: {
      compress: false,
      extra_options: [
        '--hard-links',
        ...(isOn(envs, 'RSYNC_SPARSE', true) ? ['--sparse'] : []),
        ...(blocks === undefined ? [] : [`--block-size=${blocks}`]),
      ],
      ...(isOn(envs, 'RSYNC_DELAY_UPDATES', true) ? {} : { delay_updates: false }),
      ...numberOption(envs, 'RSYNC_BW', 'bwlimit_kbps'),
      ...numberOption(envs, 'RSYNC_TIMEOUT', 'timeout_secs'),
      ...(deletesExcluded ? { delete_excluded: true } : {}),
      ...excludes.options,
      ...extra.options,
      ...rulesAsOptions(rules),
    },
    taken: RSYNC_TAKEN,
    notes: [
      ...(envs.has('RSYNC_USER') || envs.has('RSYNC_PASSWORD') || host.includes('@') ? [CREDENTIALS] : []),
      ...(envs.has('RSYNC_MAXDELETE')
        ? ['RSYNC_MAXDELETE is not taken over: the deletion guard counts shares (max_delete_percent)']
        : []),
      ...leftOut([...excludes.unknown, ...extra.unknown].map(optionOf)),
    ],
  }
}

/** An option without its value. */
const optionOf = (word: string): string => (word.startsWith('-') ? word.split('=', 1)[0]! : 'a word that is no option')

const RSYNC_TAKEN = (
  'RSYNC_HOST RSYNC_PATH RSYNC_USER RSYNC_PASSWORD RSYNC_EXCLUDE RSYNC_FILTER RSYNC_EXTRA RSYNC_BW RSYNC_TIMEOUT ' +
  'RSYNC_BLKSIZE RSYNC_MAXDELETE RSYNC_DELAY_UPDATES RSYNC_SPARSE RSYNC_DELETE_EXCLUDED RSYNC_NO_DELETE RSYNC_SSL'
).split(' ')

/** Why the kind rsync cannot do what the variables ask for; null: it can. */
function rsyncHindrance(envs: Variables): string | null {
  if (envs.has('RSYNC_RSH'))
    return 'RSYNC_RSH reaches it by a program: over ssh, add a replica with an ssh:// upstream (docs/ssh.md)'
  if (isOn(envs, 'RSYNC_SSL', false)) return 'RSYNC_SSL is rsync over TLS, which the kind rsync does not speak'
  if (isOn(envs, 'RSYNC_NO_DELETE', false))
    return 'RSYNC_NO_DELETE keeps what the upstream removed; here that is deleted, at once or later (keep_deleted)'
  return null
}

function numberOption(envs: Variables, name: string, option: string): Record<string, unknown> {
  const value = envs.get(name)
  if (value === undefined) return {}
  // What is no number is refused where the options are checked.
  return { [option]: /^\d+$/.test(value) ? Number(value) : value }
}

function readGit(envs: Variables): ReturnType<ReadImage> {
  const given = envs.get('GITSYNC_URL') ?? ''
  if (!SHOWN.test(given)) return { why: 'GITSYNC_URL is required, without spaces' }
  if (isOn(envs, 'GITSYNC_CHECKOUT', false))
    return { why: 'GITSYNC_CHECKOUT publishes the files of a branch; the kind git publishes repositories' }
  const upstream = given.replace(/^([a-z]+:\/\/)[^/]*@(?=[^/@]*(?:\/|$))/i, (whole, scheme: string) =>
    scheme.toLowerCase() === 'ssh://' ? whole : scheme,
  )
  return {
    kind: 'git',
    upstream,
    options: {},
    taken: ['GITSYNC_URL', 'GITSYNC_BRANCH', 'GITSYNC_CHECKOUT', 'GITSYNC_TREELESS'],
    notes: [
      ...(upstream === given ? [] : [CREDENTIALS]),
      ...(envs.has('GITSYNC_BRANCH') ? ['all refs are mirrored, not GITSYNC_BRANCH alone: see the option refs'] : []),
      ...(isOn(envs, 'GITSYNC_TREELESS', false) ? ['the copy is whole, in spite of GITSYNC_TREELESS'] : []),
    ],
  }
}

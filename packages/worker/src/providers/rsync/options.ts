// options.ts — The options of an rsync replica and the flags they become. Nothing a caller writes becomes a flag that
// is not listed here.
import { DISK_OWN, RESERVED } from '../../names.ts'
import Type, { type Static } from 'typebox'
import { keepDeletedOption } from '../keep-deleted.ts'
import { listOption, probeOption } from '../trace.ts'

/** The folder in which rsync keeps incomplete files, beside the files concerned; only its owner may enter. */
export const PARTIAL = RESERVED.rsync
export const CONNECT_SECONDS = 30

/**
 * Flags that change what is copied or how it is compared, never where it goes, what is run or what is read on the
 * worker.
 */
const EXTRA_PATTERN = `^--(${[
  'hard-links|checksum|sparse|size-only|ignore-times|whole-file|no-whole-file|fuzzy|prune-empty-dirs',
  'copy-links|copy-unsafe-links|delete-excluded|no-compress|omit-dir-times',
  'max-size=[0-9]{1,15}[kKmMgGtT]?|min-size=[0-9]{1,15}[kKmMgGtT]?',
  'modify-window=-?[0-9]{1,6}|block-size=[0-9]{1,7}|skip-compress=[A-Za-z0-9/]{1,500}|compress-level=[0-9]{1,2}',
  'compress-choice=(zstd|lz4|zlibx|zlib|none)|checksum-choice=(xxh128|xxh3|xxh64|md5|md4|none)',
].join('|')})$`
/** Extra options that replace a link by what it points to, even outside of the tree. */
export const FOLLOWS_LINKS: ReadonlySet<string> = new Set(['--copy-links', '--copy-unsafe-links'])
/** Include, exclude, protect, risk, hide, show and clear; not merge and dir-merge, which read files. */
const FILTER_PATTERN = '^(!|([-+PRHS]|include|exclude|protect|risk|hide|show)(,[/!Csrpx]+)? [^\\n\\r\\u0000]+)$'

/** Indices that name other files and must therefore come after them. The lists are those of Debian's ftpsync. */
const STAGE_ONE: Readonly<Record<string, readonly string[]>> = {
  debian: [
    '--include=*.diff/',
    '--include=by-hash/',
    '--exclude=*.diff/Index',
    '--exclude=Contents*',
    '--exclude=Packages*',
    '--exclude=Sources*',
    '--exclude=Release*',
    '--exclude=InRelease',
    '--exclude=i18n/*',
    '--exclude=dep11/*',
    '--exclude=installer-*/current',
    '--exclude=ls-lR*',
  ],
  'debian-oldstyle': [
    '--exclude=Packages*',
    '--exclude=Sources*',
    '--exclude=Release*',
    '--exclude=InRelease',
    '--exclude=i18n/*',
    '--exclude=ls-lR*',
    '--exclude=dep11/*',
  ],
}

export const options = Type.Object(
  {
    compress: Type.Boolean({
      default: true,
      description:
        'Compress on the way. Turn off on fast links and for files that are compressed already: it costs CPU ' +
        'on both ends',
    }),
    delay_updates: Type.Boolean({
      default: true,
      description: 'Put changed files in place together at the end instead of one by one as they arrive',
    }),
    probe: probeOption,
    list: listOption,
    keep_deleted: keepDeletedOption,
    two_stage: Type.Enum(['off', 'debian', 'debian-oldstyle'], {
      default: 'off',
      description:
        'Fetch packages first and the indices that name them afterwards, so that no index names a file that ' +
        'is not there yet',
    }),
    exclude: Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
      default: [],
      maxItems: 200,
      description: 'Patterns of files to leave out, as rsync --exclude understands them',
    }),
    filters: Type.Array(Type.String({ pattern: FILTER_PATTERN, maxLength: 1024 }), {
      default: [],
      maxItems: 200,
      description:
        'Filter rules as rsync --filter understands them, before the excludes: "+ /dists/***", "- *.iso", "P ' +
        'local/". Rules that read files (merge) are refused',
    }),
    delete_excluded: Type.Boolean({
      default: false,
      description:
        'Delete from the copy what exclude and filters leave out, after the deletion guard; "P local/" in filters ' +
        'still protects files of your own. Else it stays, and the report says how much that is',
    }),
    adopt: Type.Enum(['times', 'size', 'checksum'], {
      default: 'times',
      description:
        'How files of a folder that is taken over are compared until a sync has succeeded. times: size and time, as ' +
        'ever. size: size alone, for a copy that has lost its times, which are set. checksum: both sides read every ' +
        'file',
    }),
    timeout_secs: Type.Integer({
      default: 300,
      minimum: 10,
      maximum: 86_400,
      description: 'Give up when nothing came for this many seconds',
    }),
    bwlimit_kbps: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 100_000_000,
      description: 'KiB per second to use at most; 0 is no limit',
    }),
    memory_mib: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 1_000_000,
      description:
        'Most memory rsync may take, MiB, against lists of files without end; a million files take about 120. ' +
        '0 is a quarter of the machine’s, at least 512',
    }),
    address_family: Type.Enum(['any', 'ipv4', 'ipv6'], {
      default: 'any',
      description: 'Which addresses of the upstream to use',
    }),
    extra_options: Type.Array(Type.String({ pattern: EXTRA_PATTERN }), {
      default: [],
      maxItems: 30,
      description:
        'More options of rsync, of those that cannot do harm: --hard-links, --checksum, --sparse, ' +
        '--size-only, --fuzzy, --max-size=…, --copy-links, --delete-excluded and the like',
    }),
  },
  { additionalProperties: false },
)

export type RsyncOptions = Static<typeof options>

/** Also turns on deletions by itself, so it must only be given together with them. */
const DELETE_EXCLUDED = '--delete-excluded'

/**
 * The flags for what is copied and how: archive without owners, devices, setuid bits and links that leave the tree.
 * `told`: reserved names are listed as if they were copied, but nothing below them, so that they can be counted.
 * `diskOwn`: the copy is the top of a disk, see names.ts. `leave`: paths that are neither copied nor deleted.
 */
export function contentFlags(
  { exclude, filters, extra_options }: RsyncOptions,
  { told = false, diskOwn = false, leave = [] }: { told?: boolean; diskOwn?: boolean; leave?: readonly string[] } = {},
): string[] {
  const own = [`--filter=P /${DISK_OWN}`, `--exclude=/${DISK_OWN}${told ? '/**' : ''}`]
  return [
    '-a',
    '--safe-links',
    '--no-devices',
    '--no-specials',
    '--no-owner',
    '--no-group',
    // Readable for any server, never setuid, executable where it was.
    '--chmod=D0755,Fug-s,F-t,Fa+rX,Fu+w,Fgo-w',
    '--no-human-readable',
    ...extra_options.filter((option) => option !== DELETE_EXCLUDED),
    // Before the rules of people: none of them may include it.
    ...(diskOwn ? own : []),
    ...leave
      .map((path) => `/${path.replace(/[\\*?[]/g, '\\$&')}`)
      .flatMap((at) => [`--filter=P ${at}`, `--exclude=${at}`]),
    ...filters.map((rule) => `--filter=${rule}`),
    ...exclude.map((pattern) => `--exclude=${pattern}`),
    `--filter=P ${PARTIAL}`,
    `--exclude=${PARTIAL}${told ? '/**' : ''}`,
  ]
}

/** Whether what the rules leave out is deleted from the copy. */
export function deletesExcluded({ delete_excluded, extra_options }: RsyncOptions): boolean {
  return delete_excluded || extra_options.includes(DELETE_EXCLUDED)
}

/** The flags for deletions. `excluded`: also of what the rules leave out. */
export function deletionFlags(excluded: boolean): readonly string[] {
  return ['--delete-after', ...(excluded ? [DELETE_EXCLUDED] : [])]
}

/** Extra options by which files are listed and not copied. */
export const SIZE_LIMIT = /^--(max|min)-size=/

/** Whether a copy may have other files than the upstream lists, because the options say so. */
export function hasRules({ exclude, filters, extra_options }: RsyncOptions): boolean {
  return exclude.length > 0 || filters.length > 0 || extra_options.some((option) => SIZE_LIMIT.test(option))
}

/**
 * The flags by which rsync, called from a copy to itself, names what the rules leave out: rules that only say what is
 * deleted are left away, and nothing of how files are compared is needed.
 */
export function ruledOutFlags(options: RsyncOptions, how: Parameters<typeof contentFlags>[1]): string[] {
  const filters = options.filters.filter((rule) => !ONLY_DELETIONS.test(rule))
  return [...contentFlags({ ...options, extra_options: [], filters }, how), '--ignore-errors', ...deletionFlags(true)]
}

const ONLY_DELETIONS = /^(([PR]|protect|risk)\b|([-+]|include|exclude),(?=\S*r)(?!\S*s))/

/** The flags by which files that are taken over are compared. */
export function adoptFlags({ adopt }: RsyncOptions): string[] {
  return { times: [], size: ['--size-only'], checksum: ['--checksum'] }[adopt]
}

/** The flags for the connection and its timeouts; `local`: between two folders of this machine. */
export function connectionFlags(
  { timeout_secs, address_family, bwlimit_kbps }: RsyncOptions,
  local: boolean,
): string[] {
  const paced = [`--timeout=${timeout_secs}`, ...(bwlimit_kbps > 0 ? [`--bwlimit=${bwlimit_kbps}`] : [])]
  if (local) return paced
  const family = { any: [], ipv4: ['--ipv4'], ipv6: ['--ipv6'] }[address_family]
  // Without TCP_NODELAY every small message of the protocol may wait 40 ms for an acknowledgement.
  return ['--sockopts=TCP_NODELAY', `--contimeout=${Math.min(CONNECT_SECONDS, timeout_secs)}`, ...family, ...paced]
}

/** The flags by which a first stage leaves out the indices; null when there is only one stage. */
export function firstStageFlags({ two_stage }: RsyncOptions): readonly string[] | null {
  return STAGE_ONE[two_stage] ?? null
}

// errors.ts — What the end of git's output means. git exits with 128 for nearly everything, so the text decides. And
// the faults of objects, by the names that git gives them, which an option lets through. Pure.
import type { FailureReason } from '@kagami/protocol'
import { localFailure, refusalCode, ToolRefused, writtenRefusals } from '../../local-failure.ts'
import { SyncFailure, type Exit } from '../../provider.ts'
import Type from 'typebox'

interface Rule {
  readonly reason: FailureReason
  readonly pattern: RegExp
  /** A better message than git's own. */
  readonly message?: string
}

/** A pattern of several, without regard to case. */
function anyOf(patterns: readonly string[]): RegExp {
  return new RegExp(patterns.join('|'), 'i')
}

// The order matters: a broken connection also makes index-pack complain, and a full disk makes the connection break.
const RULES: readonly Rule[] = [
  { reason: 'disk_full', pattern: /No space left on device|Disk quota exceeded/ },
  {
    reason: 'local_denied',
    pattern: /insufficient permission|^(error|fatal): unable to (create|write|open) .*Permission denied/m,
  },
  { reason: 'disk_error', pattern: /Read-only file system|Input\/output error|Stale file handle/ },
  {
    reason: 'tool_missing',
    pattern: /'remote-https?' is not a git command|remote helper for 'https?'/,
    message: 'git-remote-https is not installed on this worker: install git with its http support',
  },
  {
    reason: 'auth_rejected',
    pattern: anyOf([
      'Authentication failed|Access denied|returned error: 40[13]\\b',
      'could not read (Username|Password)|terminal prompts disabled',
    ]),
  },
  {
    reason: 'upstream_missing',
    pattern: /returned error: 30\d|url base from redirection/,
    message: 'the upstream sends us to another address: give its final address, often the one that ends in .git',
  },
  {
    reason: 'upstream_missing',
    pattern:
      /not found|returned error: 4(04|10)\b|not exported|does not appear to be a git repository|no such repository/i,
  },
  {
    reason: 'upstream_refused',
    pattern: /returned error: (429|5\d\d)\b|transport '.*' not allowed|strange (hostname|pathname)|not our ref/,
  },
  { reason: 'timed_out', pattern: /Operation too slow|timed out/i },
  {
    reason: 'upstream_unreachable',
    pattern: anyOf([
      "Could not resolve|unable to look up|Failed to connect|unable to connect|Couldn't connect",
      'Connection (refused|reset)|unreachable|No route to host|Empty reply|SSL|TLS|certificate',
    ]),
  },
  {
    reason: 'content_invalid',
    pattern: anyOf([
      'fsck error|fatal: fsck|bad object|does not match index|corrupt',
      'missing (blob|tree|commit)|pack has bad|invalid object',
    ]),
  },
  {
    reason: 'content_invalid',
    pattern: anyOf([
      "protocol error|expected '[^']*', received|expected flush|bad line length|invalid server response",
      'did not send all necessary|is this a git repository|expected .* got',
      'unexpected content-type|invalid content-type',
    ]),
    message: 'what the upstream says is not what a git server says',
  },
  {
    reason: 'upstream_unreachable',
    pattern: anyOf([
      'hung up unexpectedly|early EOF|unexpected disconnect|RPC failed',
      'unable to access|transfer closed|could not read from remote',
    ]),
  },
  { reason: 'content_invalid', pattern: /index-pack/ },
]

/** The failure of a git command that did not exit with 0. */
export function gitFailure(exit: Exit): SyncFailure {
  const facts = { tail: exit.tail, exitCode: exit.code }
  const fault =
    /^(?:error|fatal|warning): (?:object )?([0-9a-f]{40,64}): ([a-z]\w+): (.*)$(?=[^]*fsck error)/m.exec(exit.tail) ??
    /^error in (?:commit|tree|blob|tag) ([0-9a-f]{40,64}): ([a-z]\w+): (.*)$/m.exec(exit.tail)
  if (fault) {
    const [, object, id, what] = fault
    return new SyncFailure(
      'content_invalid',
      `git finds fault with object ${object}: ${id}: ${what}. Nothing was taken over. If the upstream means it so, ` +
        `fsck_ignore = ["${id}"] lets this fault through; fsck = false turns the check off`,
      facts,
    )
  }
  if (REMOTE_FAULT.test(exit.tail))
    return new SyncFailure(
      'content_invalid',
      `possible repository corruption on the remote side: ${remoteWords(exit.tail)}`,
      facts,
    )
  const local = localRefusal(exit.tail)
  const refused = local && localFailure(local, local.folder, facts)
  if (refused) return refused
  const rule = RULES.find(({ pattern }) => pattern.test(exit.tail))
  const said = mainLine(exit.tail) || `git ended with ${exit.signal ?? `exit code ${exit.code}`}`
  return new SyncFailure(rule?.reason ?? 'unknown', rule?.message ?? said, facts)
}

// The upstream's own words about its own disk.
const REMOTE_FAULT = /^remote: .*(is corrupt|unable to read|bad object|possible repository corruption)/m

function remoteWords(tail: string): string {
  const lines = tail.split('\n').filter((line) => /^remote: (fatal|error): /.test(line))
  const said = lines.find((line) => line.startsWith('remote: fatal: ')) ?? lines[0]
  return said?.replace(/^remote: (fatal|error): /, '') ?? 'the upstream must mend its repository'
}

// What the upstream says of its own disk, and what a firewall denies, is not about a file here.
const REFUSED = new RegExp(
  `^(?!remote: )(?!.*(?:remote error|connect|https?:))(.*)\\b(${writtenRefusals.join('|')})(.*)$`,
  'm',
)

/** What git says that this machine refused; null when it was something else, or git does not name the file. */
function localRefusal(tail: string): ToolRefused | null {
  const [line = '', , said = ''] = REFUSED.exec(tail) ?? []
  const code = refusalCode(said)
  const path = /'(\/[^']+)'/.exec(line)?.[1] ?? /(?:^|\s)(\/[^'":]+)/.exec(line)?.[1]
  return code !== null && path !== undefined ? new ToolRefused({ code, path, folder: path }) : null
}

/** The line of git's output that says the most; empty when there is none. */
export function mainLine(tail: string): string {
  const lines = tail.split('\n').filter((line) => /^(fatal|error|remote): /.test(line))
  const best = lines.find((line) => line.startsWith('fatal: ')) ?? lines[0]
  return (best ?? '').replace(/^(fatal|error): /, '')
}

/** What git said about refs that it did not take over. */
export function rejections(tail: string): string {
  const said = tail.split('\n').filter((line) => /\[rejected\]|^(error|fatal|warning): /.test(line.trim()))
  return said
    .slice(0, 3)
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .join('; ')
}

/** Faults that git can be told to let through; it does not let a NUL or an end in a header through. */
const FAULTS = [
  'badDate badDateOverflow badEmail badFilemode badName badObjectSha1 badParentSha1 badTagName badTimezone badTree',
  'badTreeSha1 badType duplicateEntries emptyName extraHeaderEntry fullPathname gitattributesBlob gitattributesLarge',
  'gitattributesLineLength gitattributesMissing gitattributesSymlink gitignoreSymlink gitmodulesBlob gitmodulesLarge',
  'gitmodulesMissing gitmodulesName gitmodulesParse gitmodulesPath gitmodulesSymlink gitmodulesUpdate gitmodulesUrl',
  'hasDot hasDotdot hasDotgit largePathname mailmapSymlink missingAuthor missingCommitter missingEmail',
  'missingNameBeforeEmail missingObject missingSpaceBeforeDate missingSpaceBeforeEmail missingTag missingTagEntry',
  'missingTaggerEntry missingTree missingType missingTypeEntry multipleAuthors nulInCommit nullSha1 treeNotSorted',
  'unknownType zeroPaddedDate zeroPaddedFilemode',
].flatMap((line) => line.split(' '))

/** Old repositories without any bad intent have such objects. */
const HARMLESS = ['zeroPaddedFilemode', 'badTimezone', 'missingSpaceBeforeDate']

/** The option: names of faults, as git's messages have them. */
export const fsckIgnoreOption = Type.Array(Type.String({ pattern: `^(${FAULTS.join('|')})$` }), {
  default: [],
  maxItems: FAULTS.length,
  description:
    'Faults of objects that are let through, by the names git gives them: ["missingEmail", "zeroPaddedDate"]. ' +
    'The message of a sync that fails for one names it',
})

/** Settings of git for checks of objects, each `<prefix>.<fault>=ignore`. */
export function ignoredFaults(prefix: string, chosen: unknown): string[] {
  const names = new Set([...HARMLESS, ...(Array.isArray(chosen) ? chosen.map(String) : [])])
  return [...names].map((name) => `${prefix}.${name}=ignore`)
}

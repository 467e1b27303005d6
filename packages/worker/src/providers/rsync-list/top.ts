// top.ts — Lists the top of an rsync upstream, whatever lies below it, and fetches nothing.
import { localPathOf, sshUpstreamOf } from '@kagami/protocol'
import type { TrialContext } from '../../provider.ts'
import { addressOf, callRsync, refuseToken } from '../rsync/call.ts'
import type { RsyncOptions } from '../rsync/options.ts'
import { rsyncFailure } from '../rsync/output.ts'

/** What the top of an upstream has. */
interface Top {
  readonly files: number
  readonly folders: number
}

/** Lists the top in one step. Throws SyncFailure as a sync would. */
export async function listTop(context: TrialContext<RsyncOptions>): Promise<void> {
  const { options, local, upstream } = context
  await context.step(
    'answer',
    async () => {
      refuseToken(context)
      const compress = options.compress && local === null
      const counted = { files: 0, folders: 0 }
      const question = { context, options, compress, ...(await addressOf(context)) }
      const exit = await callRsync(question, (flags) => [...LISTING, ...flags], null, {
        exact: true,
        onStart: () => void Object.assign(counted, { files: 0, folders: 0 }),
        onLine: (line, stream) => stream !== 'stdout' || !countLine(line, counted),
      })
      if (exit.code !== 0) throw rsyncFailure(exit)
      return counted
    },
    (top) => describeTop(upstream, top),
  )
}

/** `--dirs` lists a folder and does not enter those in it. */
const LISTING = ['--list-only', '--dirs', '--no-human-readable']

/** A line of a listing: mode, size, date, time, name. The folder itself is called `.`. */
const LINE = /^([-dlbcps])[-rwxsStT]{9} +[\d,.]+ +\S+ +\S+ (.*)$/

function countLine(line: string, counted: { files: number; folders: number }): boolean {
  const [, type, name] = LINE.exec(line) ?? []
  if (type === undefined) return false
  if (type !== 'd') counted.files++
  else if (name !== '.') counted.folders++
  return true
}

function describeTop(upstream: string, { files, folders }: Top): string {
  const path = sshUpstreamOf(upstream)?.path ?? localPathOf(upstream)
  const [module = '', ...below] = (path === null ? (URL.parse(upstream)?.pathname ?? '') : '')
    .split('/')
    .filter(Boolean)
  const what = path === null ? `module ${module}${below.length > 0 ? `, folder ${below.join('/')}` : ''}` : path
  return `${what}: ${folders} folders and ${files} files at its top`
}

// http.ts — The kind http: one file, or a tree behind directory listings. Chooses between file.ts and tree.ts.
import { checkAddress, fileNameOf } from '../../http/address.ts'
import { beginsLikePage, pageFailure, promisesPage } from '../../http/content.ts'
import { checksumProblem } from '../../http/digest.ts'
import { networkFailure, statusFailure } from '../../http/errors.ts'
import type { HttpResponse } from '../../http/message.ts'
import { limitPaces } from '../../http/pace.ts'
import { sendRequest } from '../../http/request.ts'
import { createThrottle } from '../../http/throttle.ts'
import { isKnownFile, syncFile, type FileRun } from './file.ts'
import { HttpOptions } from './options.ts'
import { readRoot, type Root } from './folder.ts'
import { readTrace } from './trace.ts'
import { syncTree } from './tree.ts'
import { treeAddress } from './tree-memory.ts'
import { SyncFailure, type Provider, type SyncContext, type SyncStats, type TrialContext } from '../../provider.ts'

/**
 * The kind `http`: an http or https address, kept as one file under its real name or, when it is a directory, as a
 * tree.
 */
export const http: Provider<typeof HttpOptions> = {
  kind: 'http',
  options: HttpOptions,
  checkSpec: findProblem,
  readTrace,
  probe: async () => ({ available: true, detail: `Node.js ${process.versions.node}` }),
  async sync(context) {
    const url = URL.parse(context.upstream)
    if (!url) throw new SyncFailure('upstream_missing', 'the upstream is not an address')
    checkAddress(url, context.peers)
    const { options } = context
    try {
      return await withPaceNote(context, url, () =>
        syncFileOrTree({
          context: { ...context, paces: limitPaces(context.paces, options.requests_per_second) },
          options,
          url,
          throttle: createThrottle(options.bwlimit_kbps),
        }),
      )
    } catch (error) {
      throw networkFailure(error)
    }
  },
  async tryUpstream(context) {
    await context.step(
      'answer',
      () => lookAt(context),
      (found) => found,
    )
  },
}

/** What the address answers with, in one clause; the content of a file is not read. */
async function lookAt(context: TrialContext<HttpOptions>): Promise<string> {
  const { options, upstream, auth } = context
  const url = new URL(upstream)
  const asking = { ...context, paces: limitPaces(context.paces, options.requests_per_second) }
  if (options.tree === 'always' || (options.tree === 'auto' && url.pathname.endsWith('/') && url.search === '')) {
    const root = await readRoot({ context: asking, options, url, throttle: null })
    if ('base' in root) return describeListing(root)
    if (root.why !== null || options.tree === 'always')
      throw new SyncFailure(
        'content_invalid',
        root.why ?? 'the address answers with a page that is no directory listing',
      )
  }
  const { response } = await sendRequest({ context: asking, options, url, headers: { 'accept-encoding': 'identity' } })
  const { status, headers } = response
  const file = fileNameOf(url)
  const start = await readStart(response)
  if (status !== 200) throw statusFailure(status, auth !== null, headers['retry-after'])
  if (beginsLikePage(start) && promisesPage(file) === 'no' && !options.accept_html) throw pageFailure(file)
  const length = headers['content-length']
  return `the file ${file}, ${length === undefined ? 'of a size that the upstream does not say' : `${length} bytes`}`
}

/** The first piece of a body; the rest is not read. */
async function readStart(response: HttpResponse): Promise<Buffer> {
  let start = Buffer.alloc(0)
  const enough = new Error('enough was read')
  try {
    await response.body((chunk) => {
      start = Buffer.from(chunk)
      throw enough
    })
  } catch (error) {
    if (error !== enough) throw error
  } finally {
    response.close()
  }
  return start
}

function describeListing({ listing: { format, entries, incomplete, next } }: Root): string {
  const folders = entries.filter(({ directory }) => directory).length
  const by = format === null ? ', of a server that is not known,' : ` of ${format}`
  const found = `a listing${by} with ${folders} folders`
  const more = next === null ? '' : ' on its first page'
  const partial = incomplete === null ? '' : `; it may not be whole: ${incomplete}`
  return `${found} and ${entries.length - folders} files${more}${partial}`
}

function findProblem(upstream: string, { tree, checksum, probe }: HttpOptions): string | null {
  if (probe !== '' && (tree === 'never' || !URL.parse(upstream)?.pathname.endsWith('/')))
    return 'option "probe" is for trees, whose address ends in "/": a single file is asked for directly'
  return tree === 'always' ? null : checksumProblem(checksum)
}

/** Says in log and report how fast the upstream lets itself be asked, when it refused requests as too many. */
async function withPaceNote(context: SyncContext, url: URL, sync: () => Promise<SyncStats>): Promise<SyncStats> {
  const watch = context.paces.of(url.host).watch()
  let note: string | null = null
  const end = () => {
    const { refusals, perSecond } = watch.end()
    if (refusals === 0) return
    const allowed = perSecond === null ? '' : ` and allowed about ${Math.max(1, Math.round(perSecond))} a second`
    note = `the upstream refused ${refusals} requests as too many${allowed}`
    context.log(note)
  }
  const stats = await sync().finally(end)
  return { ...stats, note: [stats.note, note].filter(Boolean).join('; ') || null }
}

/**
 * A tree when the options say so, or when a directory answers with a listing. An address stays what it was first found
 * to be.
 */
async function syncFileOrTree(run: FileRun): Promise<SyncStats> {
  const { context, options, url } = run
  const held = treeAddress(context.tree.staging)
  const wasTree = held === url.href
  const mayList =
    options.tree !== 'never' &&
    (options.tree === 'always' ||
      wasTree ||
      (url.pathname.endsWith('/') && url.search === '' && !(await isKnownFile(run))))
  const root = mayList ? await readRoot(run) : null
  if (root && 'base' in root) return await syncTree(run, root)
  if (root && (root.why !== null || wasTree || options.tree === 'always'))
    throw new SyncFailure(
      'content_invalid',
      `${root.why ?? 'the address answers with a page that is no directory listing'}; nothing was changed`,
    )
  if (held !== null)
    throw new SyncFailure(
      'local_conflict',
      `it holds the tree of ${held}, not one file: remove the replica and its files, then add it again`,
    )
  return await syncFile(run)
}

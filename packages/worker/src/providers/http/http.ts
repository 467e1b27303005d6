// http.ts — The kind http: one file, or a tree behind directory listings. Chooses between file.ts and tree.ts.
import { checkAddress } from '../../http/address.ts'
import { networkFailure } from '../../http/errors.ts'
import { isKnownFile, syncFile, type FileRun } from './file.ts'
import { HttpOptions } from './options.ts'
import { readRoot, syncTree } from './tree.ts'
import { treeAddress } from './tree-memory.ts'
import { SyncFailure, type Provider, type SyncStats } from '../../provider.ts'

/**
 * The kind `http`: an http or https address, kept as one file under its real name or, when it is a directory, as a
 * tree.
 */
export const http: Provider<typeof HttpOptions> = {
  kind: 'http',
  options: HttpOptions,
  probe: async () => ({ available: true, detail: `Node.js ${process.versions.node}` }),
  async sync(context) {
    const url = URL.parse(context.upstream)
    if (!url) throw new SyncFailure('upstream_missing', 'the upstream is not an address')
    checkAddress(url, context.peers)
    const { options } = context
    try {
      return await syncFileOrTree({ context, options, url })
    } catch (error) {
      throw networkFailure(error)
    }
  },
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
  if (root) return await syncTree(run, root)
  if (mayList && (wasTree || options.tree === 'always'))
    throw new SyncFailure(
      'content_invalid',
      'the address answers with a page that is no directory listing; nothing was changed',
    )
  if (held !== null)
    throw new SyncFailure(
      'local_conflict',
      `it holds the tree of ${held}, not one file: remove the replica and its files, then add it again`,
    )
  return await syncFile(run)
}

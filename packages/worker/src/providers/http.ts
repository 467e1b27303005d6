// http.ts — The kind http: one file, or a tree of them behind directory listings. Chooses between the two; each is a file of its own.
import { checkAddress } from './http-address.ts'
import { networkFailure } from './http-errors.ts'
import { isKnownFile, syncFile, type FileRun } from './http-file.ts'
import { HttpOptions } from './http-options.ts'
import { isKnownTree, readRoot, syncTree } from './http-tree.ts'
import { SyncFailure, type Provider, type SyncStats } from './provider.ts'

/** The kind `http`: an http or https address, kept as one file under its real name or, when it is a directory, as a tree. */
export const http: Provider = {
  kind: 'http',
  options: HttpOptions,
  probe: async () => ({ available: true, detail: `Node.js ${process.versions.node}` }),
  async sync(context) {
    const url = URL.parse(context.upstream)
    if (!url) throw new SyncFailure('upstream_missing', 'the upstream is not an address')
    checkAddress(url, context.peers)
    const options = context.options as HttpOptions
    try {
      return await choose({ context, options, url })
    } catch (error) {
      throw networkFailure(error)
    }
  },
}

/** A tree when the options say so, or when a directory answers with a listing; what an address was found to be at first it stays. */
async function choose(run: FileRun): Promise<SyncStats> {
  const { options, url } = run
  const wasTree = isKnownTree(run)
  if (options.tree === 'never' && wasTree) throw new SyncFailure('local_conflict', 'it holds a tree, and the option tree says "never": remove the replica and its files, then add it again')
  const mayList = options.tree === 'always' || wasTree || (url.pathname.endsWith('/') && url.search === '')
  if (options.tree === 'never' || !mayList || (options.tree === 'auto' && !wasTree && (await isKnownFile(run)))) return await syncFile(run)
  const root = await readRoot(run)
  if (root) return await syncTree(run, root)
  if (wasTree || options.tree === 'always') throw new SyncFailure('content_invalid', 'the address answers with a page that is no directory listing; nothing was changed')
  return await syncFile(run)
}

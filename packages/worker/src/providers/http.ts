// http.ts — The kind http: one file, or a tree of them behind directory listings. Chooses between the two; each is a file of its own.
import { checkAddress } from './http-address.ts'
import { networkFailure } from './http-errors.ts'
import { syncFile } from './http-file.ts'
import { HttpOptions } from './http-options.ts'
import { SyncFailure, type Provider } from './provider.ts'

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
      return await syncFile({ context, options, url })
    } catch (error) {
      throw networkFailure(error)
    }
  },
}

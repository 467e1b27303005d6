// moved.ts — Where an upstream is that has moved: the redirects of its first answer are followed, within the rules for
// addresses. Remembers nothing; what comes later follows none.
import { basename } from 'node:path'
import { addressesOf } from './call.ts'
import { askForRefs } from './fetch.ts'
import type { RemoteRefs } from '../git-refs/refs.ts'
import type { AskGit } from '../git-refs/wire.ts'
import { sshUpstreamOf } from '@kagami/protocol'
import { MAX_REDIRECTS, nextAddress, tooManyRedirects } from '../../http/address.ts'
import { requireSsh } from '../../ssh/failure.ts'
import { SyncFailure, type AskContext, type SyncContext } from '../../provider.ts'

/** An upstream, where it was found. */
export interface Reached<Context extends AskContext> {
  /** As given, with that address, and without credentials where they belong to another origin. */
  readonly context: Context
  /** Checked addresses of its host. */
  readonly addresses: readonly string[]
  /** Its first answer. */
  readonly listed: RemoteRefs | AskGit
  /** Where it has moved to; null: it is where it was. */
  readonly moved: Move | null
}

/** A move of an upstream. */
export interface Move {
  readonly to: string
  /** Whether the upstream says that it is there for good. */
  readonly lasts: boolean
}

/**
 * Asks an upstream for its refs, and follows at most five redirects of that. Throws SyncFailure when they lead where
 * they may not: to an address that is not allowed, from https to http, to what is no repository.
 */
export async function reachUpstream<Context extends AskContext>(context: Context): Promise<Reached<Context>> {
  const ssh = sshUpstreamOf(context.upstream)
  if (ssh !== null) await requireSsh(context.run)
  const home = context.local === null && ssh === null ? new URL(context.upstream).origin : null
  let at = context
  let lasts = true
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const addresses = await addressesOf(at)
    const listed = await askForRefs(at, addresses)
    if (!('location' in listed))
      return { context: at, addresses, listed, moved: hop === 0 ? null : { to: at.upstream, lasts } }
    const url = repositoryOf(nextAddress(listed.location, listed.from, { peers: context.peers, downgrade: 'refuse' }))
    lasts &&= listed.lasting
    at = { ...context, upstream: url, auth: new URL(url).origin === home ? context.auth : null }
    context.log(`redirected to ${url}`)
    if (context.auth && !at.auth) context.log(`the credentials are for ${home} and are not sent there`)
  }
  throw tooManyRedirects()
}

/** Throws an error again; where credentials are missing at the new address, with the words for that. */
export function blameMove(given: AskContext, found: AskContext): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof SyncFailure) || error.reason !== 'auth_rejected' || !given.auth || found.auth) throw error
    throw new SyncFailure(
      'auth_rejected',
      `the upstream moved to ${found.upstream}, which wants credentials; those of this replica are for ` +
        `${new URL(given.upstream).origin} and were not sent there`,
      { cause: error, tail: error.tail, exitCode: error.exitCode, hint: 'Give the replica the new address.' },
    )
  }
}

/** As git does, only a redirect of the file that was requested tells where the repository is. */
function repositoryOf(next: URL): string {
  const path = /^(.*)\/info\/refs$/.exec(next.pathname)?.[1]
  if (path !== undefined && ['', '?service=git-upload-pack'].includes(next.search)) return `${next.origin}${path}`
  throw new SyncFailure(
    'upstream_missing',
    `the upstream sends us to ${`${next.origin}${next.pathname}`.slice(0, 300)}, which is no address of a ` +
      'repository: it may want people to sign in, or is elsewhere now',
  )
}

/** For the report. */
export function describeMove({ tree }: Pick<SyncContext, 'tree'>, { to, lasts }: Move): string {
  if (!lasts) return `the upstream sent us to ${to} for this time`
  return (
    `the upstream moved to ${to}, and was followed for this sync: kagami replicas edit ` +
    `${basename(tree.published)} --upstream ${to}`
  )
}

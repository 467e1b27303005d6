// kinds.ts — One upstream of each kind with the same files, for tests that go through all of them. No assertions.
import { join } from 'node:path'
import { commit, ensureRepository, startGitUpstream, startHttpUpstream, startRsyncUpstream } from '@kagami/demo'
import { writeFiles, type Credentials, type HttpUpstreamOptions, type Upstream } from '@kagami/demo'
import type { SyncCall } from './sandbox.ts'

/** The forms in which the kinds are tried. */
export type Kind = 'rsync' | 'http tree' | 'http file' | 'git'

export interface Served {
  readonly upstream: Upstream
  readonly call: SyncCall
  /** Lets the web server answer with this status instead of a file; null: with the file. */
  readonly refuse: (status: number | null) => void
}

export const FILES = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`f${n}`, `${n}\n`.repeat(2000)]))

/** Serves the files by an upstream of a kind. Those of all kinds but git are in `<up>/files`. */
export async function serveKind(
  kind: Kind,
  { up, auth, stops }: { up: string; auth?: Credentials | undefined; stops: (() => Promise<void>)[] },
): Promise<Served> {
  let refusal: number | null = null
  const refuse = (status: number | null) => void (refusal = status)
  const intercept: HttpUpstreamOptions['intercept'] = (request, response) =>
    refusal !== null && request.url !== '/' && Boolean(response.writeHead(refusal).end())
  if (kind === 'git') {
    await ensureRepository(join(up, 'a.git'))
    await commit(join(up, 'a.git'), { message: 'one', files: FILES })
    const upstream = await startGitUpstream({ dir: up, auth })
    stops.push(upstream.stop)
    return { upstream, call: { kind, upstream: `${upstream.url}/a.git` }, refuse }
  }
  writeFiles(join(up, 'files'), FILES)
  const upstream =
    kind === 'rsync'
      ? await startRsyncUpstream({ dir: up, auth })
      : await startHttpUpstream({ dir: join(up, 'files'), auth, listings: kind === 'http tree', intercept })
  stops.push(upstream.stop)
  if (kind === 'rsync') return { upstream, call: { kind, upstream: upstream.url }, refuse }
  return { upstream, call: { kind: 'http', upstream: `${upstream.url}/${kind === 'http tree' ? '' : 'f1'}` }, refuse }
}

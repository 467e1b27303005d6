// local.ts — Upstreams that are folders of this machine: only those worker.toml allows, with every link followed. Reads
// nothing in them.
import { realpath, stat } from 'node:fs/promises'
import { isBelow, localPathOf, upstreamProblem } from '@kagami/protocol'
import { SyncFailure } from '../provider.ts'

/** Where upstreams of this machine may be, and where copies are. */
export interface Allowed {
  readonly upstreamRoots?: readonly string[]
  readonly dataDir: string
}

/**
 * Checks an upstream's address. Returns the folder that a file:// upstream names, with every link on the way followed;
 * null for one elsewhere. Throws SyncFailure upstream_missing or upstream_refused, and address_forbidden when the
 * folder is outside of the allowed roots or overlaps data_dir.
 */
export async function localUpstream(
  { kind, upstream }: { kind: string; upstream: string },
  { upstreamRoots = [], dataDir }: Allowed,
): Promise<string | null> {
  const path = localPathOf(upstream)
  const problem = upstreamProblem(kind, upstream, upstreamRoots)
  if (problem)
    throw new SyncFailure(path === null ? 'upstream_missing' : 'address_forbidden', `the upstream ${problem}`)
  if (path === null) return null
  const folder = await realFolder(path)
  const roots = await Promise.all(upstreamRoots.map((root) => realpath(root).catch(() => root)))
  if (!roots.some((root) => isBelow(folder, root)))
    throw new SyncFailure('address_forbidden', `${path} leads to ${folder}, which is not below upstream_roots`)
  const data = await realpath(dataDir)
  if (isBelow(folder, data) || isBelow(data, folder))
    throw new SyncFailure(
      'address_forbidden',
      `${path} and data_dir lie in one another: a copy would be its own upstream`,
    )
  return folder
}

async function realFolder(path: string): Promise<string> {
  try {
    const folder = await realpath(path)
    if ((await stat(folder)).isDirectory()) return folder
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      throw new SyncFailure('upstream_refused', `the folder ${path} cannot be read: ${code ?? 'unknown'}`, {
        cause: error,
      })
    throw new SyncFailure('upstream_missing', `there is no folder ${path}`, { cause: error })
  }
  throw new SyncFailure('upstream_missing', `${path} is not a folder`)
}

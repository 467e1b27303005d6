// guarded-tree.ts — The tree a provider is given: verified before it is published, onto the disk it was for; its slow
// steps do not count as a stall of the upstream.
import type { Policy } from '@kagami/protocol'
import type { Tree } from '../provider.ts'
import { verifyDebian } from './freshness.ts'
import type { RunLimits } from './limits.ts'

export interface TreeGuard {
  readonly policy: Policy
  log(line: string): void
  /** Throws when the disk is gone: nothing is written onto the one below. */
  checkDisk(): Promise<void>
}

/** The tree, with the checks of `policy`, and of its disk, before each publish. */
export function guardedTree(tree: Tree, { quietly, signal }: RunLimits, guard: TreeGuard): Tree {
  const { policy, log, checkDisk } = guard
  const verify = async (path: string) => {
    if (policy.verify === 'debian')
      log(`${await verifyDebian(path, signal)} indices have the checksums their lists name`)
  }
  return {
    ...tree,
    flush: (folder, files) => quietly(() => tree.flush(folder, files)),
    discard: () => quietly(tree.discard),
    count: (folder) => quietly(() => tree.count(folder)),
    publish: () =>
      quietly(async () => {
        await checkDisk()
        await verify(tree.staging)
        await tree.publish()
      }),
    publishFile: (from, file) =>
      quietly(async () => {
        await checkDisk()
        await tree.publishFile(from, file)
      }),
    async fork(how) {
      await checkDisk()
      const fork = await quietly(() => tree.fork(how))
      return {
        path: fork.path,
        publish: (flushed) =>
          quietly(async () => {
            await checkDisk()
            await verify(fork.path)
            await fork.publish(flushed)
          }),
        compare: () => quietly(fork.compare),
        drop: () => quietly(fork.drop),
      }
    },
  }
}

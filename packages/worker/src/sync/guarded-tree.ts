// guarded-tree.ts — The tree a provider is given: verified before it is published, and its slow steps do not count as a
// stall of the upstream.
import type { Policy } from '@kagami/protocol'
import type { Tree } from '../provider.ts'
import { verifyDebian } from './freshness.ts'
import type { RunLimits } from './limits.ts'

/** The tree, with the checks of `policy` before each publish. */
export function guardedTree(
  tree: Tree,
  { quietly, signal }: RunLimits,
  { policy, log }: { policy: Policy; log(line: string): void },
): Tree {
  const verify = async (path: string) => {
    if (policy.verify === 'debian')
      log(`${await verifyDebian(path, signal)} indices have the checksums their lists name`)
  }
  return {
    ...tree,
    flush: (folder, files) => quietly(() => tree.flush(folder, files)),
    discard: () => quietly(tree.discard),
    publish: () =>
      quietly(async () => {
        await verify(tree.staging)
        await tree.publish()
      }),
    publishFile: (from, file) => quietly(() => tree.publishFile(from, file)),
    async fork() {
      const fork = await quietly(tree.fork)
      return {
        path: fork.path,
        publish: (flushed) =>
          quietly(async () => {
            await verify(fork.path)
            await fork.publish(flushed)
          }),
      }
    },
  }
}

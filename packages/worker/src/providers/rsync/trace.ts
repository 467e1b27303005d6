// trace.ts — Reads the file of the option probe from an rsync upstream: one small request, whatever the tree has.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { meansItselfToShells, OF_SHELLS, sshUpstreamOf } from '@kagami/protocol'
import type { Trace } from '../../provider.ts'
import { NO_TRACE, TRACE_MAX_BYTES, traceOf } from '../trace.ts'
import { addressOf, callRsync, type RsyncContext } from './call.ts'
import { rsyncFailure } from './output.ts'

/** What of the option cannot work with this upstream; null: nothing. */
export function traceProblem(upstream: string, probe: string): string | null {
  if (sshUpstreamOf(upstream) === null || meansItselfToShells(probe)) return null
  return `option "probe": over ssh it must be a path ${OF_SHELLS}`
}

/** The trace; null when the options name none. Throws SyncFailure when the upstream cannot be asked. */
export async function readTrace(context: RsyncContext): Promise<Trace | null> {
  const { options, tree } = context
  if (options.probe === '') return null
  const folder = join(tree.staging, 'trace')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  try {
    const found = await addressOf(context)
    const address = `${found.address}${options.probe}`
    const upstream = { ...found, context, options, address, compress: false, refused: [] }
    const flags = ['--times', '--copy-links', '--chmod=F0600', `--max-size=${TRACE_MAX_BYTES}`]
    const exit = await callRsync(upstream, () => flags, folder, {})
    // The upstream answers, and has no such file, or none that it lets us read.
    if (exit.code !== 0 && exit.code !== 23) throw rsyncFailure(exit)
    const [name] = readdirSync(folder)
    const file = join(folder, name ?? '')
    if (exit.code === 23 || name === undefined || !existsSync(file)) return NO_TRACE
    return traceOf(readFileSync(file), `${statSync(file).mtimeMs}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

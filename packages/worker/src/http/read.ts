// read.ts — Reads the whole body of a response that is kept in memory: listings, checksums, answers. Not for files.
import { encodingCheck } from './content.ts'
import type { HttpResponse } from './message.ts'
import { SyncFailure } from '../provider.ts'

export interface ReadOptions {
  /** Bytes it may have at most. */
  readonly most: number
  /** What it is, for messages. */
  readonly what: string
  /** Called with each piece. */
  readonly onBytes?: (bytes: number) => void
}

/** The body. Throws SyncFailure content_invalid when it is larger than it may be, or encoded. */
export async function readBody(response: HttpResponse, { most, what, onBytes }: ReadOptions): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  await response.body((chunk) => {
    onBytes?.(chunk.length)
    size += chunk.length
    if (size > most)
      throw new SyncFailure('content_invalid', `${what} has more than the ${most / 1024} KiB it may have`)
    chunks.push(Buffer.from(chunk))
  })
  const body = Buffer.concat(chunks)
  encodingCheck(response.headers, what)?.(body)
  return body
}

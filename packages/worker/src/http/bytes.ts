// bytes.ts — Compares the bytes of two files on this disk.
import { open } from 'node:fs/promises'
import { pathBytes } from '../names.ts'

const PIECE = 1024 * 1024

/** Whether two files have the same bytes; false when one of them is no file that can be read. */
export async function hasSameBytes(one: string, other: string): Promise<boolean> {
  try {
    await using first = await open(pathBytes(one), 'r')
    await using second = await open(pathBytes(other), 'r')
    const sizes = await Promise.all([first.stat(), second.stat()])
    if (sizes[0].size !== sizes[1].size || !sizes[0].isFile() || !sizes[1].isFile()) return false
    const [a, b] = [Buffer.allocUnsafe(PIECE), Buffer.allocUnsafe(PIECE)]
    for (let at = 0; at < sizes[0].size;) {
      const [left, right] = await Promise.all([first.read(a, 0, PIECE, at), second.read(b, 0, PIECE, at)])
      if (left.bytesRead === 0 || left.bytesRead !== right.bytesRead) return false
      if (!a.subarray(0, left.bytesRead).equals(b.subarray(0, right.bytesRead))) return false
      at += left.bytesRead
    }
    return true
  } catch {
    return false
  }
}

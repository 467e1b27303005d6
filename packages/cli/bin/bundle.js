// bundle.js — Which file starts the program: the bundle, as long as every source is as it was when that was made,
// else the sources themselves. Plain JavaScript, for the launcher.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Names the present bundle: `{ entry, sources: [[path, size, mtimeMs]] }`, paths below the root of the project. */
export const BUNDLE_FILE = join('packages', 'cli', 'dist', 'bundle.json')

/** The program as it is written. */
export const SOURCE = join('packages', 'cli', 'src', 'main.ts')

/**
 * The path of the fresh bundle below the root of the project; null when there is none.
 * @param {string} root
 * @returns {string | null}
 */
export function freshBundle(root) {
  try {
    const { entry, sources } = JSON.parse(readFileSync(join(root, BUNDLE_FILE), 'utf8'))
    const isSame = ([path, size, mtimeMs]) => {
      const now = statSync(join(root, path))
      return now.size === size && now.mtimeMs === mtimeMs
    }
    return sources.every(isSame) && statSync(join(root, entry)).isFile() ? entry : null
  } catch {
    return null
  }
}

// theme.ts — The look of the page: the built-in style, and what the operator lays into the folder status_dir, which is
// read again when it changes.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { replicaNameProblem } from '@kagami/protocol'
import type { Logger } from '@kagami/runtime'
import { trustMarkup, type Html } from './html.ts'
import { DEFAULT_STYLE } from './style.ts'

const FILE_MAX_BYTES = 1024 * 1024
/** Help of so many mirrors is kept. */
const KEPT_MAX = 500

/** A picture at the top of each page. */
export interface Logo {
  readonly type: 'image/svg+xml' | 'image/png'
  readonly content: Buffer
}

/** What the operator may replace. */
export interface Theme {
  style(): Promise<string>
  logo(): Promise<Logo | null>
  /** Markup of the operator, which is trusted. Null: there is none. */
  header(): Promise<Html | null>
  footer(): Promise<Html | null>
  /** In place of what is suggested for a mirror. */
  help(name: string): Promise<Html | null>
}

interface Kept {
  readonly changed: string
  readonly content: Buffer | null
}

/** The look that a folder gives; without one the default. What of it cannot be read is logged once and left out. */
export function createTheme(dir: string | undefined, logger: Logger): Theme {
  const kept = new Map<string, Kept>()
  const read = async (file: string): Promise<Buffer | null> => {
    if (dir === undefined) return null
    const path = join(dir, file)
    const found = await lookAt(path)
    const known = kept.get(file)
    if (known?.changed === found.changed) return known.content
    if (found.problem !== null)
      logger.warn(
        { file: path, problem: found.problem },
        'a file of the status page cannot be used: the page is served without it. Mend it, or remove it',
      )
    if (kept.size >= KEPT_MAX) kept.clear()
    kept.set(file, { changed: found.changed, content: found.content })
    return found.content
  }
  const markup = async (file: string) => {
    const content = await read(file)
    return content && trustMarkup(content.toString())
  }
  return {
    style: async () => `${DEFAULT_STYLE}${(await read('style.css'))?.toString() ?? ''}`,
    async logo() {
      const drawing = await read('logo.svg')
      if (drawing) return { type: 'image/svg+xml', content: drawing }
      const picture = await read('logo.png')
      return picture && { type: 'image/png', content: picture }
    },
    header: () => markup('header.html'),
    footer: () => markup('footer.html'),
    help: async (name) => (replicaNameProblem(name) === null ? await markup(join('help', `${name}.html`)) : null),
  }
}

/** The content of a file, and a text that is another one when the file has changed. */
async function lookAt(path: string): Promise<Kept & { problem: string | null }> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    const changed = `${mtimeMs} ${size} ${ino}`
    if (size > FILE_MAX_BYTES) return { changed, content: null, problem: `it is larger than ${FILE_MAX_BYTES} bytes` }
    return { changed, content: await readFile(path), problem: null }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return { changed: 'absent', content: null, problem: null }
    return { changed: message, content: null, problem: message }
  }
}

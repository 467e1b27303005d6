// filter.ts — Which paths of an upstream are part of the mirror, by the patterns of its options. Pure.
import picomatch from 'picomatch'

export interface Filter {
  file(path: string): boolean
  folder(path: string): boolean
  /** Whether a file is part of the mirror, and so are the folders above it. */
  holds(path: string): boolean
}

/**
 * A pattern without a slash, or with one at its end alone, is compared with any part of a path; another with the whole
 * path. `**` stands for any number of parts.
 */
export function createFilter({ include, exclude }: { include: readonly string[]; exclude: readonly string[] }): Filter {
  const compile = (globs: readonly string[]) =>
    globs.length === 0 ? null : picomatch(globs.map(pathGlob), { dot: true, nonegate: true })
  const included = compile(include)
  const excluded = compile(exclude)
  const file = (path: string) => (included?.(path) ?? true) && !excluded?.(path)
  return {
    file,
    // A folder may hold included files further down: only an excluded folder is not entered.
    folder: (path) => !excluded?.(path),
    holds(path) {
      for (let slash = path.indexOf('/'); excluded && slash >= 0; slash = path.indexOf('/', slash + 1))
        if (excluded(path.slice(0, slash))) return false
      return file(path)
    },
  }
}

function pathGlob(glob: string): string {
  const below = glob.endsWith('/') ? `${glob}**` : glob
  return glob.slice(0, -1).includes('/') ? below.replace(/^\//, '') : `**/${below}`
}

// filter.ts — Which paths of an upstream are part of the mirror, by the patterns of its options. Pure.
import picomatch from 'picomatch'

export interface Filter {
  file(path: string): boolean
  folder(path: string): boolean
}

/** A pattern without a slash is compared with the last part of a path; `**` stands for any number of parts. */
export function createFilter({ include, exclude }: { include: readonly string[]; exclude: readonly string[] }): Filter {
  const options = { dot: true, basename: true, nonegate: true }
  const compile = (globs: readonly string[]) =>
    globs.length === 0
      ? null
      : picomatch(
          globs.map((glob) => glob.replace(/^\//, '').replace(/\/$/, '/**')),
          options,
        )
  const included = compile(include)
  const excluded = compile(exclude)
  return {
    file: (path) => (included?.(path) ?? true) && !excluded?.(path),
    // A folder may hold included files further down: only an excluded folder is not entered.
    folder: (path) => !excluded?.(path),
  }
}

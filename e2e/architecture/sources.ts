// sources.ts — The files of the project and their imports, for the tests of this folder.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')

/** The text of a file; the path is from the root. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const isGenerated = (path: string) => /\.gen\.ts$|\/dist\/|node_modules/.test(path)
const find = (patterns: string[]) => globSync(patterns, { cwd: ROOT }).filter((path) => !isGenerated(path))

/** Every file of code, tests included. */
export const code: readonly string[] = find([
  'packages/*/{src,bin}/**/*.{ts,vue,js}',
  'packages/*/*.ts',
  '{e2e,bench,scripts}/**/*.ts',
  '*.ts',
])

/** Code that runs in the product: no tests and nothing that only tests use. */
export const product: readonly string[] = code.filter(
  (path) => /^packages\/[^/]+\/src\//.test(path) && !/\.test\.ts$|\/testing\//.test(path),
)

/** Styles, pages and configuration that people write by hand. */
export const markup: readonly string[] = find([
  'packages/*/src/**/*.css',
  'packages/*/*.html',
  'examples/**/*.{toml,yaml,conf}',
  'Dockerfile.*',
  '.dockerignore',
  '.ci/*',
])

/** Documents that people read. */
export const documents: readonly string[] = find(['*.md', 'docs/**/*.md', 'examples/**/*.md'])

export interface Import {
  readonly file: string
  /** A package's name, `node:x`, or the path of one of our files from the root. */
  readonly target: string
}

const IMPORTS = [
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]/g,
  /import\(\s*['"]([^'"]+)['"]\s*\)/g,
  /(?:^|\n)import\s+['"]([^'"]+)['"]/g,
]

/** The imports of a file, types included. */
export function importsOf(file: string): Import[] {
  const text = read(file)
  const names = IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!))
  return names.map((name) => ({
    file,
    target: name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), name)) : name,
  }))
}

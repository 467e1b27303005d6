// content.ts — Creates and changes the files and repositories that the demo's upstreams serve.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runChild } from './child.ts'

/** Creates an empty bare repository unless there is one. */
export async function ensureRepository(repository: string, toolPath?: readonly string[]): Promise<void> {
  if (existsSync(join(repository, 'HEAD'))) return
  mkdirSync(dirname(repository), { recursive: true })
  await runChild('git', ['init', '-q', '--bare', '--template=', '-b', 'main', repository], { toolPath })
}

export interface Commit {
  readonly branch?: string
  readonly message: string
  /** Path → text; null removes the file. */
  readonly files: Readonly<Record<string, string | null>>
  readonly toolPath?: readonly string[]
}

/** Adds one commit to a branch of a bare repository. */
export async function commit(repository: string, { branch = 'main', message, files, toolPath }: Commit): Promise<void> {
  const ref = `refs/heads/${branch}`
  const parent = await runChild('git', [`--git-dir=${repository}`, 'for-each-ref', '--format=%(objectname)', ref], {
    toolPath,
  })
  const text = (value: string) => `data ${Buffer.byteLength(value)}\n${value}\n`
  const changes = Object.entries(files).map(([path, value]) =>
    value === null ? `D ${path}\n` : `M 100644 inline ${path}\n${text(value)}`,
  )
  const from = parent.trim() === '' ? '' : `from ${parent.trim()}\n`
  const stream =
    `commit ${ref}\ncommitter Kagami Demo <demo@example.org> ${Math.floor(Date.now() / 1000)} ` +
    `+0000\n${text(message)}${from}${changes.join('')}\n`
  await runChild('git', [`--git-dir=${repository}`, 'fast-import', '--quiet', '--force'], { stdin: stream, toolPath })
}

/** Writes files below a folder; null removes a file. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer | null>>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    if (content === null) rmSync(file, { force: true })
    else writeFileSync(file, content)
  }
}

/** How many files a folder holds directly. */
export function countFiles(folder: string): number {
  return existsSync(folder) ? readdirSync(folder).length : 0
}

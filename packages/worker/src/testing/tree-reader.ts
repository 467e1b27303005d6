// tree-reader.ts — A reader for tests: reads a published tree over and over, as a web server's clients do, and tells
// each version it saw and each reading that was not whole.
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

/** What a reader tells when it is stopped. */
export interface Readings {
  readonly whole: number
  readonly broken: readonly string[]
  readonly versions: readonly string[]
}

const [published = ''] = process.argv.slice(2)
const seen = { whole: 0, broken: [] as string[], versions: new Set<string>() }
let stopped = false

function read(): void {
  try {
    // Whoever opens the folder once reads one tree to the end, as rsync, tar and a cd do.
    const tree = realpathSync(published)
    const contents = readdirSync(tree, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    const versions = new Set(contents)
    if (versions.size !== 1 || contents.length < 20)
      seen.broken.push(
        `${contents.length} files of ${[...versions].map((text) => text.slice(0, 12).trim()).join(' and ')}`,
      )
    else seen.versions.add([...versions][0]!.trim())
    seen.whole++
  } catch (error) {
    seen.broken.push((error as Error).message)
  }
}

process.on('SIGTERM', () => (stopped = true))
while (!stopped) {
  read()
  await new Promise((resolve) => setImmediate(resolve))
}
process.stdout.write(
  JSON.stringify({
    whole: seen.whole,
    broken: seen.broken.slice(0, 10),
    versions: [...seen.versions],
  } satisfies Readings),
)

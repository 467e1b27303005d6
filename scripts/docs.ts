// docs.ts — `npm run docs`: writes the reference pages from the schemas and tables in the code; `--check` lists pages
// that are out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { format, type FormatOptions } from 'oxfmt'
import { cliReference } from './docs/cli.ts'
import { configurationReference } from './docs/configuration.ts'
import { errorReference } from './docs/errors.ts'
import { httpReference } from './docs/http-api.ts'
import { messageReference } from './docs/messages.ts'
import { presetReference } from './docs/presets.ts'
import { providerPages } from './docs/providers.ts'

const ROOT = join(import.meta.dirname, '..')

/** The text of every generated file, by its path from the root. */
function references(): Map<string, string> {
  return new Map([
    ['docs/configuration.md', configurationReference(ROOT)],
    ['docs/http-api.md', httpReference()],
    ['docs/messages.md', messageReference()],
    ['docs/errors.md', errorReference()],
    ['docs/cli.md', cliReference()],
    ['docs/presets.md', presetReference()],
    ...providerPages((path) => readIfThere(path)),
  ])
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return null
  }
}

const style = JSON.parse(readFileSync(join(ROOT, '.oxfmtrc.json'), 'utf8')) as FormatOptions
/** Formats a text as `npm run format` does. */
async function formatText(path: string, text: string): Promise<string> {
  const { code, errors } = await format(path, text, style)
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`)
  return code
}

const written = await Promise.all(
  [...references()].map(async ([path, text]) => [path, await formatText(path, text)] as const),
)
const stale = written.filter(([path, text]) => readIfThere(path) !== text)
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.error(`${path} is out of date: run npm run docs`)
  process.exit(stale.length > 0 ? 1 : 0)
}
for (const [path, text] of stale) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true })
  writeFileSync(join(ROOT, path), text)
  console.log(`wrote ${path}`)
}

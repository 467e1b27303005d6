// bundle.ts — Makes one bundle of the program and its libraries: a thousand small files take most of a start, and much
// of the memory. Nothing needs it: without a fresh one the program starts from its sources.
import crypto, { randomUUID } from 'node:crypto'
import fs, { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { dirname, join, relative, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { BUNDLE_FILE, freshBundle, SOURCE } from '../packages/cli/bin/bundle.js'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, dirname(BUNDLE_FILE))
/** Of these a running program may still load parts. */
const KEPT = 3
/** They look for files beside themselves, or are not installed. */
const EXTERNAL = ['@fastify/swagger-ui', 'pg-native']

/** Bundles into packages/cli/dist. What keeps it from being made is said, and is no failure. */
export async function bundlePrograms({ onlyIfStale }: { onlyIfStale: boolean }): Promise<void> {
  if (onlyIfStale && freshBundle(ROOT) !== null) return
  try {
    await bundle({ without: [], final: false })
  } catch (error) {
    console.log(`the program is not bundled, and starts from its sources: ${(error as Error).message.split('\n')[0]}`)
  }
}

/** `without`: rooms of packages/ that are not there. `final`: nobody changes the sources any more, as in an image. */
async function bundle({ without, final }: { without: readonly string[]; final: boolean }): Promise<void> {
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: { kagami: join(ROOT, SOURCE) },
    platform: 'node',
    external: [...EXTERNAL, ...without.map((room) => new RegExp(`^@kagami/${room}(/|$)`))],
    plugins: [lightModules],
    logLevel: 'silent',
    checks: {},
  })
  // A folder of its own: programs that run load parts of theirs later.
  const folder = join(DIST, randomUUID())
  const { output } = await build.write({ dir: folder, format: 'esm' })
  const entry = output.find((part) => part.type === 'chunk' && part.isEntry)
  if (!entry) throw new Error('it has no entry')
  const modules = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []))
  const own = final ? [] : ['package-lock.json', ...modules.map((path) => relative(ROOT, path)).filter(isOwn)]
  const sources = [...new Set(own)].sort().map((path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path))
    return [path, size, mtimeMs]
  })
  const written = join(folder, 'bundle.json')
  writeFileSync(written, JSON.stringify({ entry: relative(ROOT, join(folder, entry.fileName)), sources }))
  renameSync(written, join(ROOT, BUNDLE_FILE))
  removeOlder()
}

/**
 * An import of these asks them for each of their names, and some load large parts of Node that nobody uses: WebSocket
 * of http takes 50 ms, and fs loads its streams. The bundle takes what is there without being asked for.
 */
const LIGHT: Readonly<Record<string, object>> = { 'node:http': http, 'node:crypto': crypto, 'node:fs': fs }

const lightModules = {
  name: 'light-modules',
  resolveId: (id: string) => (Object.hasOwn(LIGHT, id) ? `\0${id}` : null),
  load(id: string) {
    const found = LIGHT[id.slice(1)]
    if (!id.startsWith('\0') || !found) return null
    const plain = Object.entries(Object.getOwnPropertyDescriptors(found)).filter(([, one]) => 'value' in one)
    const names = plain.map(([name]) => name).join(', ')
    return `const all = process.getBuiltinModule('${id.slice(1)}')\nexport const { ${names} } = all\nexport default all`
  },
}

/** Whether a module is a file of this project. */
const isOwn = (path: string) => path.startsWith(`packages${sep}`) && !path.includes('node_modules')

function removeOlder(): void {
  mkdirSync(DIST, { recursive: true })
  const folders = readdirSync(DIST, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const byAge = folders
    .map(({ name }) => ({ path: join(DIST, name), at: statSync(join(DIST, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
  for (const { path } of byAge.slice(KEPT)) rmSync(path, { recursive: true, force: true })
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      'if-stale': { type: 'boolean' },
      final: { type: 'boolean' },
      without: { type: 'string', multiple: true },
    },
  })
  if (values.final) await bundle({ without: values.without ?? [], final: true })
  else await bundlePrograms({ onlyIfStale: values['if-stale'] === true })
}

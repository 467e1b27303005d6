// build-ui.ts — Builds the web UI; with `--if-stale` only when its sources are newer than the last build.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const ROOT = join(import.meta.dirname, '..')
const UI = join(ROOT, 'packages', 'webui')
const BUILT = join(UI, 'dist', 'index.html')

/** Builds into packages/webui/dist. Ends the process when the build fails. */
export function buildUi({ onlyIfStale }: { onlyIfStale: boolean }): void {
  if (onlyIfStale && isFresh()) return
  if (!existsSync(join(ROOT, 'node_modules', 'vite'))) {
    if (existsSync(BUILT)) return
    console.error(
      'error: the UI is not built, and its build tools are not installed\nhint: npm ci (without --omit=dev)',
    )
    process.exit(1)
  }
  console.log('building the UI')
  const build = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'],
    { cwd: UI, stdio: 'inherit' },
  )
  if (build.status !== 0) process.exit(build.status ?? 1)
  for (const file of globSync('packages/webui/dist/**/*.{html,js,css,svg}', { cwd: ROOT })) compress(join(ROOT, file))
}

/** Lays what brotli and gzip make of a file beside it, where that is smaller. */
function compress(file: string): void {
  const whole = readFileSync(file)
  for (const [ending, bytes] of [
    ['br', brotliCompressSync(whole)],
    ['gz', gzipSync(whole, { level: 9 })],
  ] as const)
    if (bytes.length < whole.length) writeFileSync(`${file}.${ending}`, bytes)
}

function isFresh(): boolean {
  if (!existsSync(BUILT)) return false
  const built = statSync(BUILT).mtimeMs
  const sources = globSync(
    ['packages/webui/{src,public}/**/*', 'packages/webui/*.{html,ts,json}', 'packages/protocol/src/**/*.ts'],
    { cwd: ROOT },
  )
  return sources.every((file) => statSync(join(ROOT, file)).mtimeMs <= built)
}

if (import.meta.main) buildUi({ onlyIfStale: process.argv.includes('--if-stale') })

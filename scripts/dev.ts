// dev.ts — `npm run dev`: everything with hot reload. The server restarts when its sources change; the UI reloads in
// place.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const watched = ['protocol', 'runtime', 'worker', 'supervisor', 'cli'].flatMap((room) => [
  '--watch-path',
  join(ROOT, 'packages', room, 'src'),
])
const server = spawn(
  process.execPath,
  [
    ...watched,
    '--watch-preserve-output',
    join(ROOT, 'packages', 'cli', 'src', 'main.ts'),
    'up',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
)
const ui = spawn(process.execPath, [join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'), '--host', '127.0.0.1'], {
  cwd: join(ROOT, 'packages', 'webui'),
  stdio: 'inherit',
})
console.log('UI with hot reload: http://127.0.0.1:5173/ui/  (it uses the API on port 21000)')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    ui.kill()
    server.kill(signal)
  })
}
server.on('exit', (code) => {
  ui.kill()
  process.exit(code ?? 0)
})

// http-trees.ts — Shared by the benchmarks of http trees: files behind a real nginx, our syncs in a separate process,
// and the commands of the peers.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startWebServer } from '@kagami/worker/testing/web-servers'
import { run, timed, type Bench } from './measure.ts'
import { syncOnce, type Mirror } from './sync.ts'

const PER_FOLDER = 50
const FILE_BYTES = 8192

/** Serves `count` files of 8 KB, months old, in folders of fifty, with nginx. Returns the address. */
export async function serveFiles(dir: string, count: number, onEnd: Bench['onEnd']): Promise<string> {
  const root = join(dir, 'upstream')
  const content = Buffer.alloc(FILE_BYTES, 'kagami ')
  for (let folder = 0; folder < count / PER_FOLDER; folder++) {
    mkdirSync(join(root, `d${folder}`), { recursive: true })
    for (let file = 0; file < PER_FOLDER; file++) {
      const path = join(root, `d${folder}`, `f${file}.bin`)
      writeFileSync(path, content)
      utimesSync(path, 1_700_000_000 + folder, 1_700_000_000 + folder)
    }
  }
  const server = await startWebServer('nginx', { root, state: join(dir, 'nginx') })
  onEnd(server.stop)
  return `${server.url}/`
}

/** Starts a process that runs syncs and measures them. Returns a function that runs one and returns its ms. */
export async function startSyncer(
  onEnd: Bench['onEnd'],
): Promise<(dataDir: string, mirror: Mirror) => Promise<number>> {
  const child = fork(import.meta.filename, ['sync'])
  onEnd(() => child.kill())
  await once(child, 'message')
  return async (dataDir, mirror) => {
    child.send({ dataDir, mirror })
    const [answer] = (await once(child, 'message')) as [{ ms?: number; error?: string }]
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.ms!
  }
}

/** Writes a configuration for curl with every address and its output file, and returns its path. */
export function curlConfig(dir: string, upstream: string, count: number, into: string): string {
  const lines: string[] = []
  for (let folder = 0; folder < count / PER_FOLDER; folder++) {
    for (let file = 0; file < PER_FOLDER; file++)
      lines.push(`url = "${upstream}d${folder}/f${file}.bin"`, `output = "${into}/d${folder}/f${file}.bin"`)
  }
  const path = join(dir, 'curl.config')
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

/** Milliseconds that other programs need for the same tree. */
export const peers = {
  curl: (config: string) =>
    timed(() => run('curl', ['-s', '-Z', '--parallel-max', '8', '--create-dirs', '-K', config])),
  wget: (upstream: string, into: string) => timed(() => run('wget', ['-q', '-m', '-np', '-nH', '-P', into, upstream])),
  lftp: (upstream: string, into: string) =>
    timed(() => run('lftp', ['-c', `set net:timeout 10; open ${upstream}; mirror -P8 . ${into}`])),
}

if (process.argv[2] === 'sync') {
  process.on('message', (task: { dataDir: string; mirror: Mirror }) => {
    syncOnce(task.dataDir, task.mirror).then(
      (ms) => process.send?.({ ms }),
      (error: Error) => process.send?.({ error: error.message }),
    )
  })
  process.send?.('ready')
}

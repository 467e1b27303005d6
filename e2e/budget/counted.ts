// counted.ts — Upstreams and tools that count what a sync costs: programs that are started, connections and requests.
// No assertions.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { findProgram } from '@kagami/runtime'
import { startBareServer } from '@kagami/worker/testing/hostile'

/** What one sync cost. */
export interface Cost {
  /** Programs that the worker started, in their order: a tool and what it was told to do. */
  readonly programs: readonly string[]
  /** Connections to the upstream, or requests where that speaks http. */
  readonly requests: number
}

/** Tools that write down each start before they begin. */
export interface CountedTools {
  /** For PATH, before everything else. */
  readonly folder: string
  /** The starts since the last call. */
  take(): string[]
}

/** Wraps git and rsync. */
export function countTools(dir: string): CountedTools {
  const folder = join(dir, 'counted')
  const started = join(dir, 'started')
  mkdirSync(folder, { recursive: true })
  writeFileSync(started, '')
  for (const tool of ['git', 'rsync']) {
    const file = join(folder, tool)
    writeFileSync(file, `#!/bin/sh\necho "${tool} $*" >> '${started}'\nexec '${findProgram(tool)}' "$@"\n`)
    chmodSync(file, 0o755)
  }
  return {
    folder,
    take() {
      const lines = readFileSync(started, 'utf8').split('\n').filter(Boolean)
      writeFileSync(started, '')
      // What a server of git over http runs is the upstream's.
      return lines.map(describe).filter((call) => call !== 'git http-backend')
    },
  }
}

/** `git fetch`, `rsync --dry-run`: what a call does, without its other words. */
function describe(call: string): string {
  const [tool = '', ...words] = call.split(' ')
  if (tool === 'rsync')
    return ['rsync', ...words.filter((word) => /^--(dry-run|files-from=-|version)$/.test(word))].join(' ')
  const settings = words.findIndex((word, index) => !word.startsWith('-') && words[index - 1] !== '-c')
  return `git ${words[settings] ?? ''}`
}

/** The address of a server that counts connections to another. */
export async function countConnections(url: string): Promise<{ url: string; take(): number; stop(): Promise<void> }> {
  const port = Number(new URL(url).port)
  let count = 0
  const between = await startBareServer((client) => {
    count++
    const upstream = connect({ host: '127.0.0.1', port }).on('error', () => {})
    client.pipe(upstream).pipe(client)
  })
  const take = () => {
    const taken = count
    count = 0
    return taken
  }
  return { url: url.replace(`:${port}`, `:${between.port}`), take, stop: between.stop }
}

/** PATH with the counted tools in front. */
export const countedPath = ({ folder }: CountedTools) => [folder, process.env['PATH']].join(delimiter)

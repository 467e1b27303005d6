// child.ts — Starts the programs of the demo's upstreams, so that none outlives this process. No other file of the demo
// starts programs.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { delimiter } from 'node:path'

export interface ChildOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Directories searched before PATH. */
  readonly toolPath?: readonly string[]
  /** No standard input: rsync takes a pipe there for a connection. */
  readonly noInput?: boolean
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => existsSync(file))

/** Starts a program that gets SIGKILL when this process ends. Emits errors on the child. */
export function startChild(
  command: string,
  args: readonly string[],
  { cwd, env, toolPath = [], noInput = false }: ChildOptions = {},
): ChildProcess {
  const PATH = [...toolPath, process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'].join(delimiter)
  const [file, all] = SETPRIV ? [SETPRIV, ['--pdeathsig', 'KILL', command, ...args]] : [command, [...args]]
  const clean = { PATH, HOME: '/nonexistent', LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  return spawn(file, all, {
    cwd,
    env: { ...clean, ...env },
    stdio: [noInput ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
}

/** Runs a program to its end and returns its output. Throws with the end of stderr when it does not exit with 0. */
export function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly stdin?: string } = {},
): Promise<string> {
  const child = startChild(command, args, options)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin?.on('error', () => {}).end(options.stdin ?? '')
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      const errors = Buffer.concat(stderr).toString().slice(-500)
      if (code === 0) resolve(Buffer.concat(stdout).toString())
      else reject(new Error(`${command} ${args[0] ?? ''} ended with ${code}: ${errors}`))
    })
  })
}

/** Kills a program and what it started, and waits until it has ended. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
  await ended
}

/** A port on 127.0.0.1 that is free now. */
export function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** Waits until the program accepts connections. Throws with the end of stderr when it ends or takes ten seconds. */
export async function untilListening(child: ChildProcess, port: number): Promise<void> {
  let errors = ''
  let failed: Error | null = null
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-500)))
  child.stdout?.resume()
  child.once('error', (error) => (failed = error))
  for (let round = 0; round < 500; round++) {
    if (failed) throw failed as Error
    if (child.exitCode !== null) throw new Error(`the upstream on port ${port} ended: ${errors}`)
    if (await isListening(port)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`the upstream on port ${port} does not answer: ${errors}`)
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const endWith = (listening: boolean) => () => {
      socket.destroy()
      resolve(listening)
    }
    socket.once('connect', endWith(true)).once('error', endWith(false))
  })
}

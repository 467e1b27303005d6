// git-upstream.ts — A git upstream on loopback: smart http through git's own http-backend, or git's daemon.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mkdirSync } from 'node:fs'
import { freePort, startChild, stopChild, untilListening } from './child.ts'
import { isAuthorized, listen, type Credentials, type Upstream } from './upstream.ts'

export interface GitUpstreamOptions {
  /** Folder of bare repositories. */
  readonly dir: string
  readonly port?: number
  readonly auth?: Credentials
  /** For tests: answers a request itself and returns true. Called after the credentials were checked. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean
  readonly toolPath?: readonly string[]
}

/** Serves every repository below `dir` at `<url>/<folder>` over smart http, with a password when `auth` is given. */
export async function startGitUpstream({
  dir,
  port,
  auth,
  intercept,
  toolPath,
}: GitUpstreamOptions): Promise<Upstream> {
  mkdirSync(dir, { recursive: true })
  const server = await listen((request, response) => {
    if (isAuthorized(request, response, auth) && !intercept?.(request, response))
      runHttpBackend({ dir, toolPath, request, response, user: auth?.username })
  }, port)
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, stop: server.stop }
}

/** Serves every repository below `dir` at `<url>/<folder>` over git://. */
export async function startGitDaemon({
  dir,
  port,
  toolPath,
}: Omit<GitUpstreamOptions, 'auth' | 'intercept'>): Promise<Upstream> {
  mkdirSync(dir, { recursive: true })
  const chosen = port ?? (await freePort())
  const child = startChild(
    'git',
    ['daemon', '--export-all', '--reuseaddr', '--listen=127.0.0.1', `--port=${chosen}`, `--base-path=${dir}`, dir],
    { toolPath, noInput: true },
  )
  await untilListening(child, chosen)
  return { url: `git://127.0.0.1:${chosen}`, port: chosen, pid: child.pid, stop: () => stopChild(child) }
}

interface BackendRequest {
  readonly dir: string
  readonly toolPath?: readonly string[]
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly user?: string
}

function runHttpBackend({ dir, toolPath, request, response, user }: BackendRequest): void {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const header = (name: string) => String(request.headers[name] ?? '')
  const child = startChild('git', ['-c', 'safe.directory=*', 'http-backend'], {
    toolPath,
    env: {
      GIT_PROJECT_ROOT: dir,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_USER: user ?? '',
      ...(header('content-length') ? { CONTENT_LENGTH: header('content-length') } : {}),
    },
  })
  child.once('error', () => response.writableEnded || response.writeHead(500).end())
  child.stdin?.on('error', () => {})
  child.stderr?.resume()
  request.pipe(child.stdin as NodeJS.WritableStream)
  response.once('close', () => void stopChild(child))
  forwardCgi(child.stdout as NodeJS.ReadableStream, response)
}

/** Sends the output of a CGI program as a response: header lines, an empty line, the body. */
function forwardCgi(output: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0)
  const onHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    output.off('data', onHead)
    let status = 200
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', ...value] = line.split(': ')
      if (name.toLowerCase() === 'status') status = Number.parseInt(value[0] ?? '500', 10)
      else response.setHeader(name, value.join(': '))
    }
    response.writeHead(status)
    response.write(head.subarray(end + 4))
    output.pipe(response)
  }
  output.on('data', onHead)
  output.once('end', () => response.writableEnded || response.end())
}

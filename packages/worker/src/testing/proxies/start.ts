// start.ts — Real proxies on loopback: tinyproxy (HTTP) and microsocks (SOCKS 5). From PATH, else fetched from Debian's
// archive. No assertions.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, stopChild, untilListening } from '@kagami/demo'
import { fetchProgram, findProgram } from '@kagami/runtime'
import type { OpenRoutes } from '../../proxy/run.ts'
import type { ProxyServer } from '../../proxy/server.ts'

/** The address from which proxies of tests connect onward, by which a witness knows them. */
export const FROM_PROXY = '127.0.0.2'

export interface TestProxy {
  readonly server: ProxyServer
  /** All upstreams by this proxy. */
  readonly routes: OpenRoutes
  /** What it wrote into its log so far. */
  log(): string
  stop(): Promise<void>
}

export interface ProxyOptions {
  /** Where it keeps what it needs. */
  readonly dir: string
  /** Whom it lets in; absent: everybody. */
  readonly login?: { readonly username: string; readonly password: string }
  /** tinyproxy: the ports to which it opens tunnels; absent: all. */
  readonly ports?: readonly number[]
  /** How it is called; absent: http or socks5h. */
  readonly scheme?: ProxyServer['scheme']
}

/** All ways to upstreams by one proxy. */
export function routesBy(server: ProxyServer, noProxy: readonly string[] = []): OpenRoutes {
  return { http: server, https: server, rsync: server, other: server, noProxy }
}

/** An HTTP proxy. */
export async function startTinyproxy({ dir, login, ports = [], scheme = 'http' }: ProxyOptions): Promise<TestProxy> {
  const port = await freePort()
  const state = mkdtempSync(join(dir, 'tinyproxy-'))
  const lines = [
    `Port ${port}`,
    'Listen 127.0.0.1',
    `Bind ${FROM_PROXY}`,
    'Timeout 600',
    'MaxClients 200',
    'Allow 127.0.0.1',
    `LogFile "${join(state, 'log')}"`,
    'LogLevel Connect',
    ...(process.getuid?.() === 0 ? ['User root', 'Group root'] : []),
    ...(login ? [`BasicAuth ${login.username} ${login.password}`] : []),
    ...ports.map((one) => `ConnectPort ${one}`),
  ]
  writeFileSync(join(state, 'conf'), `${lines.join('\n')}\n`)
  const stop = await start('tinyproxy', 'tinyproxy-bin', { port, args: ['-d', '-c', join(state, 'conf')] })
  const server = { scheme, host: '127.0.0.1', port, login: login ?? null }
  return { server, routes: routesBy(server), log: () => readFileSync(join(state, 'log'), 'utf8'), stop }
}

/** A SOCKS 5 proxy. */
export async function startMicrosocks({ login, scheme = 'socks5h' }: ProxyOptions): Promise<TestProxy> {
  const port = await freePort()
  const who = login ? ['-u', login.username, '-P', login.password] : []
  const args = ['-i', '127.0.0.1', '-p', String(port), '-b', FROM_PROXY, ...who]
  const stop = await start('microsocks', 'microsocks', { port, args })
  const server = { scheme, host: '127.0.0.1', port, login: login ?? null }
  return { server, routes: routesBy(server), log: () => '', stop }
}

async function start(
  program: string,
  name: string,
  { port, args }: { port: number; args: readonly string[] },
): Promise<() => Promise<void>> {
  const found = findProgram(program, ['/usr/sbin'])
  const path = found ?? join(await fetchProgram({ program, package: name }), program)
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  await untilListening(child, port)
  return () => stopChild(child)
}

// lfs-secrets.ts — Credentials that LFS servers of tests ask for, where they may not be seen, and a second server.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SyncReport } from '@kagami/protocol'
import { mentions, type Sandbox } from './sandbox.ts'

export const USER = { username: 'bob', password: 'correct-horse-battery' }
const SECRETS = [
  'correct-horse-battery',
  Buffer.from('bob:correct-horse-battery').toString('base64'),
  'in-the-address',
  'ticket-',
  'in-the-redirect',
]

/** Secrets that a report or a file of the copy shows. */
export function shownSecrets(sandbox: Sandbox, report: SyncReport): string[] {
  return SECRETS.filter((secret) => JSON.stringify(report).includes(secret) || mentions(sandbox.dataDir, secret))
}

/** A server at another origin; `got` has the headers of each request it received. */
export async function startOtherServer(serve: (response: ServerResponse) => void) {
  const got: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    got.push(request.headers)
    serve(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return { got, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

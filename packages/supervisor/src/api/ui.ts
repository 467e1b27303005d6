// ui.ts — Static files at /ui/: the built-in UI, or another directory of the operator.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join, resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

const BUILT_IN = fileURLToPath(new URL('../../../webui/dist', import.meta.url))
/** The built-in UI loads everything from its own origin. An operator's front end sets its own policy. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri " +
  "'none'; frame-ancestors 'none'; form-action 'self'"

/** Serves the UI, and redirects `/` to it. */
export async function serveUi(server: FastifyInstance, directory: string | undefined): Promise<void> {
  const root = directory ? resolve(directory) : BUILT_IN
  server.get('/', { schema: { hide: true } }, (_, reply) => reply.redirect('/ui/', 302))
  server.get('/ui', { schema: { hide: true } }, (_, reply) => reply.redirect('/ui/', 302))
  if (!existsSync(join(root, 'index.html'))) {
    server.get('/ui/*', { schema: { hide: true } }, (_, reply) =>
      reply.code(503).type('text/plain').send(missingText(root, directory)),
    )
    return
  }
  await server.register(fastifyStatic, {
    root,
    prefix: '/ui/',
    index: 'index.html',
    wildcard: true,
    cacheControl: false,
    // The build lays a compressed file beside each one that is worth it.
    preCompressed: true,
    setHeaders(response, path) {
      if (!directory) response.header('content-security-policy', POLICY)
      // Files with a hash in their name never change; everything else is revalidated.
      response.header(
        'cache-control',
        !directory && path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
    },
  })
}

/** Whether a path is a page of the UI rather than a file: all pages are index.html. */
export function isUiPage(url: string, method: string): boolean {
  const path = url.split('?')[0]!
  return method === 'GET' && path.startsWith('/ui/') && !/\.[A-Za-z0-9]+$/.test(path.slice(path.lastIndexOf('/')))
}

function missingText(root: string, directory: string | undefined): string {
  if (directory)
    return (
      `SUPERVISOR_WEBUI_DIR ${root} has no index.html.\n` +
      'The API works. Put a front end there, or unset the variable to use the built-in UI.\n'
    )
  return 'The UI is not built. The API works.\nBuild it: npm run build -w @kagami/webui\n'
}

// ui.ts — Static files at /ui/: the built-in UI, or another directory of the operator.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join, resolve } from 'node:path'
import { newId } from '@kagami/runtime'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serveLater } from './served-later.ts'

const BUILT_IN = fileURLToPath(new URL('../../../webui/dist', import.meta.url))
/** The built-in UI loads everything from its own origin. An operator's front end sets its own policy. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri " +
  "'none'; frame-ancestors 'none'; form-action 'self'"

/** How requests are answered that end in no file. */
interface OtherAnswers {
  notFound(request: FastifyRequest, reply: FastifyReply): unknown
  error(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown
}

/** Serves the UI, and redirects `/` to it. */
export function serveUi(server: FastifyInstance, directory: string | undefined, answers: OtherAnswers): void {
  const root = directory ? resolve(directory) : BUILT_IN
  const hidden = { schema: { hide: true } } as object
  server.get('/', hidden, (_, reply) => reply.redirect('/ui/', 302))
  server.get('/ui', hidden, (_, reply) => reply.redirect('/ui/', 302))
  if (existsSync(join(root, 'index.html')))
    return void server.get(
      '/ui/*',
      hidden,
      serveLater(() => openFiles(root, !directory, answers)),
    )
  server.get('/ui/*', hidden, (_, reply) => reply.code(503).type('text/plain').send(missingText(root, directory)))
}

async function openFiles(root: string, isBuiltIn: boolean, answers: OtherAnswers): Promise<FastifyInstance> {
  const [{ default: fastify }, { default: fastifyStatic }] = await Promise.all([
    import('fastify'),
    import('@fastify/static'),
  ])
  const server = fastify({ genReqId: () => newId() })
  server.setErrorHandler(answers.error)
  server.setNotFoundHandler((request, reply) =>
    isUiPage(request.url, request.method) ? reply.sendFile('index.html') : answers.notFound(request, reply),
  )
  await server.register(fastifyStatic, {
    root,
    prefix: '/ui/',
    index: 'index.html',
    wildcard: true,
    cacheControl: false,
    // The build lays a compressed file beside each one that is worth it.
    preCompressed: true,
    setHeaders(response, path) {
      if (isBuiltIn) response.header('content-security-policy', POLICY)
      // Files with a hash in their name never change; everything else is revalidated.
      response.header(
        'cache-control',
        isBuiltIn && path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
    },
  })
  await server.ready()
  return server
}

/** Whether a path is a page of the UI rather than a file: all pages are index.html. */
function isUiPage(url: string, method: string): boolean {
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

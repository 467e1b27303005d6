// methods.ts — Answers requests with a method that their path does not have.
import { Refusal, routes, type Route } from '@kagami/protocol'
import type { FastifyInstance } from 'fastify'

/** Paths beside those of the protocol; all are only read. */
const READ_ONLY = /^\/(healthz|readyz|metrics|openapi\.json|docs|docs\/.*|status|status\/.*|ui|ui\/.*)?$/

const table = (Object.values(routes) as Route[]).map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}))

/** Refuses unknown paths, and methods that a path does not have, before anything else of the request is looked at. */
export function refuseOtherMethods(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const path = request.url.split('?')[0]!
    const methods = methodsOf(path)
    if (methods.includes(request.method)) return done()
    if (methods.length === 0) return done(new Refusal('not_found', `there is no ${request.method} ${path}`))
    void reply.header('allow', methods.join(', '))
    const has = methods.join(', ')
    done(new Refusal('method_not_allowed', `${path} does not have ${request.method}: it has ${has}`))
  })
}

/** The methods that a path has, as the header Allow names them; none for a path that nothing answers. */
function methodsOf(path: string): string[] {
  if (READ_ONLY.test(path)) return ['GET', 'HEAD']
  const found = new Set(table.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))
  return [...found].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).sort()
}

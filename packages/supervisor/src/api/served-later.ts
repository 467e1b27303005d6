// served-later.ts — Serves paths by a server of their own, which is made, with the libraries that it needs, when
// somebody first asks for one of them.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** A handler for paths that the server of `open` answers. It listens nowhere: it is given single requests. */
export function serveLater(
  open: () => Promise<FastifyInstance>,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  let opened: Promise<FastifyInstance> | null = null
  return async (request, reply) => {
    // What failed once, as for want of descriptors, is tried again for the next request.
    opened ??= open().catch((error: unknown) => {
      opened = null
      throw error
    })
    const server = await opened
    for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value as string)
    reply.hijack()
    server.routing(request.raw, reply.raw)
  }
}

// status.ts — The public status page: for everyone who uses the mirrors, without a login and without JavaScript. What
// visitors are told of a mirror is in mirror.ts; nothing else of the fleet reaches them.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { inPieces, takeTurn } from '../pieces.ts'
import type { Services } from '../services.ts'
import { createAnswer, sendAnswer, type Answer } from './answers.ts'
import { serveFeeds, watchIncidents, type AddRoute } from './feeds/feeds.ts'
import type { Html } from './html.ts'
import { createWriter, type Chosen, type Writer } from './language.ts'
import { drawDocument, ROOT, type Page } from './layout.ts'
import { incidentsOf } from './incidents/incidents.ts'
import { drawList, drawRow } from './list-page.ts'
import { drawMirror, drawUnknown } from './mirror-page.ts'
import { mirrorOf } from './mirror.ts'
import { createParts, type Parts } from './parts.ts'
import { selectMirrors, type Wanted } from './survey.ts'
import { chosenBy, siteOf, wantedBy, type Site } from './visitor.ts'

const HTML = 'text/html; charset=utf-8'
/** Nothing runs, and nothing comes from elsewhere. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors " +
  "'none'"

/** Serves the status page below /status/, unless it is turned off. */
export function serveStatus(server: FastifyInstance, services: Services): void {
  if (!services.config.status) return
  const parts = createParts(services)
  const hidden = { schema: { hide: true } } as object
  const get: AddRoute = (path, answer) =>
    server.get(path, hidden, (request, reply) => {
      void reply.header('content-security-policy', POLICY)
      return answer(request, reply)
    })
  servePages(get, parts)
  serveFeeds(get, parts)
  const stop = watchIncidents(parts)
  server.addHook('onClose', (_, done) => {
    stop()
    done()
  })
}

function servePages(get: AddRoute, parts: Parts): void {
  get('/status', (_, reply) => reply.redirect(ROOT, 302))
  get(ROOT, async (request, reply) => {
    const [chosen, wanted, site] = [chosenBy(request), wantedBy(request), siteOf(parts.services.config, request)]
    const key = ['list', chosen, wanted]
    const answer = await parts.page(key, () => makeList(parts, { wanted, site }, chosen))
    return sendAnswer(request, reply.header('vary', 'accept-language'), answer)
  })
  const showMirror = (request: FastifyRequest, reply: FastifyReply) => answerMirror(request, reply, parts)
  get(`${ROOT}:name`, showMirror)
  get(`${ROOT}:name/`, showMirror)
  get(`${ROOT}style.css`, async (request, reply) =>
    sendAnswer(request, reply, createAnswer('text/css; charset=utf-8', await parts.theme.style())),
  )
  get(`${ROOT}logo`, async (request, reply) => {
    const logo = await parts.theme.logo()
    return logo ? sendAnswer(request, reply, createAnswer(logo.type, logo.content)) : reply.callNotFound()
  })
}

async function makeList(parts: Parts, { wanted, site }: { wanted: Wanted; site: Site }, chosen: Chosen) {
  const { fleet, config } = parts.services
  const survey = await parts.survey()
  const selection = await selectMirrors(survey, wanted)
  const writer = createWriter(chosen, survey.at)
  await takeTurn()
  const pieces = inPieces()
  const rows: Html[] = []
  for (const name of selection.names) {
    const resource = fleet.resources.get(name)
    if (resource) rows.push(drawRow(mirrorOf(resource), site, writer))
    const turn = pieces.next()
    if (turn) await turn
  }
  await takeTurn()
  const page = drawList({ survey, wanted, selection, rows, title: config.status_title }, writer)
  return await drawPage(parts, page, writer)
}

async function answerMirror(request: FastifyRequest, reply: FastifyReply, parts: Parts): Promise<FastifyReply> {
  const { fleet, clock, config } = parts.services
  const { name } = request.params as { name: string }
  const chosen = chosenBy(request)
  const site = siteOf(config, request)
  const writer = createWriter(chosen, clock.now())
  const title = config.status_title
  void reply.header('vary', 'accept-language')
  const resource = fleet.resources.get(name)
  if (!resource) {
    const { type, body } = await drawPage(parts, drawUnknown(name, title, writer), writer)
    return reply.code(404).type(type).send(body)
  }
  const answer = await parts.page(['mirror', chosen, name, site], async () => {
    // Before anything is waited for, as it may be gone then.
    const mirror = mirrorOf(resource)
    const help = await parts.theme.help(name)
    // Without the database, the rest of the page is still right.
    const stored = await parts.incidents.read().catch(() => null)
    const incidents = stored && incidentsOf(stored, name)
    return await drawPage(parts, drawMirror(mirror, { site, help, title, incidents }, writer), writer)
  })
  return sendAnswer(request, reply, answer)
}

async function drawPage({ services: { config }, theme }: Parts, page: Page, writer: Writer): Promise<Answer> {
  const [logo, header, footer] = await Promise.all([theme.logo(), theme.header(), theme.footer()])
  const { status_title: title, status_notice: notice = null } = config
  return createAnswer(HTML, drawDocument(page, writer, { title, notice, hasLogo: logo !== null, header, footer }))
}

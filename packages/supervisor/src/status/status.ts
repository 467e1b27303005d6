// status.ts — The public status page: for everyone who uses the mirrors, without a login and without JavaScript. What
// visitors are told of a mirror is in mirror.ts; nothing else of the fleet reaches them.
import { printable } from '@kagami/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { inPieces } from '../api/lists/pieces.ts'
import type { Services } from '../services.ts'
import { createAnswer, createKept, sendAnswer, type Answer, type Kept } from './answers.ts'
import type { Html } from './html.ts'
import { chooseLanguage, createWriter, type Chosen, type Writer } from './language.ts'
import { drawDocument, ROOT, type Page } from './layout.ts'
import { drawList, drawRow } from './list-page.ts'
import { drawMirror, drawUnknown, type Site } from './mirror-page.ts'
import { mirrorOf } from './mirror.ts'
import { encodeName } from './snippets.ts'
import { selectMirrors, takeSurvey, type Survey, type Wanted } from './survey.ts'
import { createTheme, type Theme } from './theme.ts'

const TEXT_MAX = 100
const PAGE_MAX = 1_000_000
const HTML = 'text/html; charset=utf-8'
/** Nothing runs, and nothing comes from elsewhere. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors " +
  "'none'"
/** A name or an address without its port. */
const HOST = /^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$/

/** What the pages are made of. */
interface Parts {
  readonly services: Services
  readonly theme: Theme
  readonly surveys: Kept<Survey>
}

/** Serves the status page below /status/, unless it is turned off. */
export function serveStatus(server: FastifyInstance, services: Services): void {
  if (!services.config.status) return
  const parts = {
    services,
    theme: createTheme(services.config.status_dir, services.logger),
    surveys: createKept<Survey>(services.clock),
  }
  const pages = createKept<Answer | null>(services.clock)
  const hidden = { schema: { hide: true } } as object
  const get = (path: string, answer: (request: FastifyRequest, reply: FastifyReply) => unknown) =>
    server.get(path, hidden, (request, reply) => {
      void reply.header('content-security-policy', POLICY)
      return answer(request, reply)
    })
  get('/status', (_, reply) => reply.redirect(ROOT, 302))
  get(ROOT, async (request, reply) => {
    const [chosen, wanted] = [chosenBy(request), wantedBy(request)]
    const key = JSON.stringify([chosen, wanted])
    const answer = await pages.get(key, () => makeList(parts, wanted, chosen))
    return sendAnswer(request, reply.header('vary', 'accept-language'), answer!)
  })
  const showMirror = (request: FastifyRequest, reply: FastifyReply) => answerMirror(request, reply, { ...parts, pages })
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

function firstOf(request: FastifyRequest, key: string): string | undefined {
  const given = (request.query as Record<string, string | string[] | undefined>)[key]
  return typeof given === 'string' ? given : given?.[0]
}

function chosenBy(request: FastifyRequest): Chosen {
  return chooseLanguage(firstOf(request, 'lang'), request.headers['accept-language'])
}

function wantedBy(request: FastifyRequest): Wanted {
  const show = firstOf(request, 'show')
  const page = Math.floor(Number(firstOf(request, 'page') ?? 1))
  return {
    text: printable((firstOf(request, 'q') ?? '').trim().slice(0, TEXT_MAX)),
    show: show === 'problems' || show === 'new' ? show : 'all',
    page: page >= 1 && page <= PAGE_MAX ? page : 1,
  }
}

async function makeList({ services, theme, surveys }: Parts, wanted: Wanted, chosen: Chosen): Promise<Answer> {
  const { fleet, clock, config } = services
  const survey = await surveys.get('', () => takeSurvey(fleet, clock.now()))
  const selection = await selectMirrors(survey, wanted)
  const writer = createWriter(chosen, survey.at)
  const pieces = inPieces()
  const rows: Html[] = []
  for (const name of selection.names) {
    const resource = fleet.resources.get(name)
    if (resource) rows.push(drawRow(mirrorOf(resource), filesOf(config.status_files_url, name), writer))
    const turn = pieces.next()
    if (turn) await turn
  }
  const page = drawList({ survey, wanted, selection, rows, title: config.status_title }, writer)
  return createAnswer(HTML, await drawPage({ services, theme }, page, writer))
}

/** Where the files of a mirror are; null when the operator has not said so. */
function filesOf(url: string | undefined, name: string): string | null {
  return url === undefined ? null : `${url.replace(/\/+$/, '')}/${encodeName(name)}/`
}

async function answerMirror(
  request: FastifyRequest,
  reply: FastifyReply,
  { services, theme, pages }: Parts & { pages: Kept<Answer | null> },
): Promise<FastifyReply> {
  const { name } = request.params as { name: string }
  const chosen = chosenBy(request)
  const site = siteOf(services, request.headers.host)
  const writer = createWriter(chosen, services.clock.now())
  const title = services.config.status_title
  const make = async () => {
    const resource = services.fleet.resources.get(name)
    if (!resource) return null
    const mirror = mirrorOf(resource)
    const page = drawMirror(mirror, { site, help: await theme.help(name), title }, writer)
    return createAnswer(HTML, await drawPage({ services, theme }, page, writer))
  }
  const answer = await pages.get(JSON.stringify([chosen, name, site]), make)
  void reply.header('vary', 'accept-language')
  if (answer) return sendAnswer(request, reply, answer)
  const page = drawUnknown(name, title, writer)
  return reply
    .code(404)
    .type(HTML)
    .send(await drawPage({ services, theme }, page, writer))
}

/** Where mirrors are served: at the URL of the configuration, else at the host that the visitor asked. */
function siteOf({ config }: Services, header: string | undefined): Site {
  if (config.status_files_url !== undefined) {
    const url = config.status_files_url.replace(/\/+$/, '')
    return { url, host: new URL(url).hostname, isKnown: true }
  }
  const asked = (header ?? '').slice(0, 255).replace(/:\d+$/, '')
  const host = HOST.test(asked) ? asked : config.address.host
  return { url: `http://${host}`, host, isKnown: false }
}

async function drawPage(
  { services: { config }, theme }: Pick<Parts, 'services' | 'theme'>,
  page: Page,
  writer: Writer,
): Promise<string> {
  const [logo, header, footer] = await Promise.all([theme.logo(), theme.header(), theme.footer()])
  const { status_title: title, status_notice: notice = null } = config
  return drawDocument(page, writer, { title, notice, hasLogo: logo !== null, header, footer })
}

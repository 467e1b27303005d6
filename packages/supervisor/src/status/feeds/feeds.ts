// feeds.ts — What programs read: the mirrors in three formats, incidents, and badges. Pages of other sites may, too.
import { every } from '@kagami/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { partsOf } from '../../pieces.ts'
import { createAnswer, createAnswerInPieces, sendAnswer, type Answer } from '../answers.ts'
import { badgeWord, drawBadge } from './badge.ts'
import { html, markupOf } from '../html.ts'
import { createWriter, type Writer } from '../language.ts'
import { linkTo, linkToMirror, ROOT } from '../layout.ts'
import { mirrorOf, type Mirror } from '../mirror.ts'
import { mirrorzOf, siteIn } from './mirrorz.ts'
import type { Parts } from '../parts.ts'
import { urlOf } from '../snippets.ts'
import { jobOf } from './tunasync.ts'
import { chosenBy, siteOf, type Site } from '../visitor.ts'

/** How often it is looked which mirrors failed, ms. */
const LOOK_MS = 30_000
const JSON_TYPE = 'application/json; charset=utf-8'
const ATOM = 'application/atom+xml; charset=utf-8'

/** Adds a route for reading. */
export type AddRoute = (path: string, answer: (request: FastifyRequest, reply: FastifyReply) => unknown) => void

/** Serves the feeds. */
export function serveFeeds(get: AddRoute, parts: Parts): void {
  const feed = (path: string, make: (request: FastifyRequest) => Promise<Answer | null>) =>
    get(path, async (request, reply) => {
      const answer = await make(request)
      if (!answer) return reply.callNotFound()
      void reply.header('access-control-allow-origin', '*').header('cross-origin-resource-policy', 'cross-origin')
      return sendAnswer(request, reply.header('vary', 'accept-language'), answer)
    })
  const { config } = parts.services
  feed(`${ROOT}tunasync.json`, () => parts.feed(['tunasync'], () => makeList(parts, null, jobOf)))
  feed(`${ROOT}mirrorz.json`, (request) => {
    const { url } = siteOf(config, request)
    return parts.feed(['mirrorz', url], () => makeList(parts, siteIn(url, config.status_title), mirrorzOf))
  })
  feed(`${ROOT}mirrors.json`, (request) => {
    const site = siteOf(config, request)
    return parts.feed(['mirrors', site.isKnown && site.url], () => makeOwnList(parts, site))
  })
  feed(`${ROOT}feed.atom`, (request) => {
    const chosen = chosenBy(request)
    const writer = createWriter(chosen, parts.services.clock.now())
    return parts.feed(['atom', chosen], () => makeAtom(parts, writer))
  })
  const badge = (path: string, make: (mirror: Mirror) => Answer) =>
    feed(path, (request) => {
      const { name } = request.params as { name: string }
      const resource = parts.services.fleet.resources.get(name)
      return Promise.resolve(resource ? make(mirrorOf(resource)) : null)
    })
  badge(`${ROOT}:name/badge.svg`, (mirror) => createAnswer('image/svg+xml; charset=utf-8', drawBadge(mirror)))
  badge(`${ROOT}:name/badge.txt`, (mirror) => createAnswer('text/plain; charset=utf-8', `${badgeWord(mirror)}\n`))
}

/** Surveys the mirrors every half minute, so that incidents are seen when nobody asks; returns how to stop. */
export function watchIncidents({ services: { logger, clock }, survey }: Parts): () => void {
  return every(clock, LOOK_MS, () => {
    survey().catch((error: unknown) => logger.error({ err: error }, 'the status page could not survey the mirrors'))
  })
}

/** A JSON list of all mirrors, alone or as the field `mirrors` of an object. */
async function makeList(parts: Parts, around: object | null, show: (mirror: Mirror) => object): Promise<Answer> {
  const mirrors = await parts.mirrors()
  return await createAnswerInPieces(JSON_TYPE, listOf(mirrors, around, show))
}

function* listOf(mirrors: readonly Mirror[], around: object | null, show: (mirror: Mirror) => object) {
  const shown = mirrors.values().map(show)
  if (around) return yield* partsOf(around, 'mirrors', shown)
  let before = '['
  for (const one of shown) {
    yield before + JSON.stringify(one)
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

/** Our own format: everything that visitors are told. */
async function makeOwnList(parts: Parts, site: Site): Promise<Answer> {
  const { at, mirrors, upToDate } = await parts.survey()
  const around = {
    title: parts.services.config.status_title,
    checked_at: at.toISOString(),
    total: mirrors.length,
    up_to_date: upToDate,
  }
  return await makeList(parts, around, (mirror) => ({
    name: mirror.name,
    state: mirror.state,
    up_to_date: mirror.isUpToDate,
    kinds: mirror.kinds,
    copies: mirror.copies,
    last_success_at: mirror.succeededAt,
    content_at: mirror.contentAt,
    next_due_at: mirror.dueAt,
    queue_position: mirror.queued,
    size_bytes: mirror.sizeBytes,
    upstream: mirror.upstream,
    url: site.isKnown ? `${urlOf(site.url, mirror.name)}/` : null,
  }))
}

async function makeAtom({ services, incidents, survey }: Parts, writer: Writer): Promise<Answer> {
  await survey()
  const { config, fleet, startedAt } = services
  const { write, lang, language } = writer
  const { all, since } = await incidents.read()
  // Of mirrors that are gone, or whose workers are no longer approved, visitors are told nothing.
  const shown = all.filter(({ name }) => fleet.resources.get(name))
  const updated = (shown[0]?.seenAt ?? since ?? startedAt).toISOString()
  const entries = shown.map(
    ({ id, name, state, seenAt }) => html`<entry>
<id>urn:uuid:${id}</id>
<title>${name}: ${write(`state.${state}`)}</title>
<updated>${seenAt.toISOString()}</updated>
<link href="${linkToMirror(name, lang)}"/>
<summary>${write(`meaning.${state}`)}</summary>
</entry>
`,
  )
  const text = markupOf(html`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="${language}">
<id>urn:kagami:status:${encodeURIComponent(config.status_title)}</id>
<title>${config.status_title}: ${write('incidents')}</title>
<author><name>${config.status_title}</name></author>
<updated>${updated}</updated>
<link rel="self" href="${linkTo('feed.atom', { lang })}"/>
<link rel="alternate" href="${linkTo('', { lang })}"/>
${entries}</feed>
`)
  return createAnswer(ATOM, text)
}

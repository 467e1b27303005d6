// mirror-page.ts — The page of one mirror: its facts, how to use it, and its last incidents.
import { html, type Content, type Html } from './html.ts'
import type { incidentsOf } from './incidents/incidents.ts'
import { timeOf, type Writer } from './language.ts'
import { drawState, linkTo, linkToMirror, type Page } from './layout.ts'
import { drawInstant, drawNext, drawSize, drawTime } from './list-page.ts'
import type { Mirror } from './mirror.ts'
import { urlOf, snippetsFor } from './snippets.ts'
import type { Site } from './visitor.ts'

/** How many incidents the page has. */
const INCIDENTS_SHOWN = 10

/** What the page of a mirror is drawn with. */
export interface MirrorParts {
  readonly site: Site
  /** What the operator wrote in place of what is suggested. */
  readonly help: Html | null
  readonly title: string
  /** Null: the database does not answer. */
  readonly incidents: ReturnType<typeof incidentsOf> | null
}

/** The page of a mirror. */
export function drawMirror(mirror: Mirror, { site, help, title, incidents }: MirrorParts, writer: Writer): Page {
  const { lang, write } = writer
  return {
    title: [mirror.name, ' · ', title],
    linkIn: (other) => linkToMirror(mirror.name, other),
    content: html`<p><a href="${linkTo('', { lang })}">${write('back')}</a></p>
<h1><bdi>${mirror.name}</bdi></h1>
<p>${drawState(mirror.state, writer)}. <span class="meaning">${write(`meaning.${mirror.state}`)}</span></p>
<dl>
${drawFacts(mirror, site, writer)}</dl>
<h2 id="help">${write('use')}</h2>
${help ?? drawHelp(mirror, site, writer)}
${incidents && drawIncidents(incidents, writer)}`,
  }
}

function drawFacts(mirror: Mirror, site: Site, writer: Writer): Html[] {
  const { write, count } = writer
  const fact = (name: Content, content: Content) => html`<dt>${name}</dt>\n<dd>${content ?? write('none')}</dd>\n`
  const url = urlOf(site.url, mirror.name)
  return [
    fact(write('column.success'), drawInstant(mirror.succeededAt, writer)),
    fact(write('column.content'), drawTime(mirror.contentAt)),
    fact(write('column.next'), drawNext(mirror, writer)),
    fact(write('column.size'), drawSize(mirror.sizeBytes)),
    fact(write('fact.copies'), count(mirror.copies)),
    fact(write('fact.kind'), mirror.kinds.join(', ')),
    fact(write('fact.upstream'), mirror.upstream),
    ...(site.isKnown ? [fact(write('fact.files'), html`<a href="${url}/">${url}/</a>`)] : []),
  ]
}

function drawHelp(mirror: Mirror, site: Site, { write }: Writer): Html[] {
  const url = urlOf(site.url, mirror.name)
  const address = { title: write('address'), text: `${url}/\n` }
  return [address, ...snippetsFor({ ...mirror, url, host: site.host })].map(
    ({ title, text }) => html`<h3>${title}</h3>
<pre tabindex="0"><code>${text}</code></pre>
`,
  )
}

function drawIncidents({ own, since }: NonNullable<MirrorParts['incidents']>, writer: Writer): Html | null {
  const { write } = writer
  if (own.length === 0 && since === null) return null
  const none = since && html`<p>${write('noIncidents', { time: timeOf(since.toISOString()) })}</p>`
  const rows = own.slice(0, INCIDENTS_SHOWN).map(({ state, seenAt }) => {
    const time = drawInstant(seenAt.toISOString(), writer)
    return html`<li>${drawState(state, writer)}, ${write('seen', { time })}</li>\n`
  })
  return html`<h2 id="incidents">${write('incidents')}</h2>
${own.length === 0 ? none : html`<ul>\n${rows}</ul>`}`
}

/** The page for a name that no mirror has. */
export function drawUnknown(name: string, title: string, { write, lang }: Writer): Page {
  return {
    title,
    linkIn: (other) => linkTo('', { lang: other }),
    content: html`<h1>${write('unknownMirror', { name: html`<bdi>${name}</bdi>` })}</h1>
<p>${write('unknownHint')} <a href="${linkTo('', { lang })}">${write('back')}</a></p>`,
  }
}

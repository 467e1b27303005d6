// list-page.ts — The page that lists the mirrors.
import { formatBytes } from '@kagami/protocol'
import { html, type Content, type Html } from './html.ts'
import { timeOf, type Writer } from './language.ts'
import { drawState, linkTo, linkToMirror, type Page } from './layout.ts'
import type { Mirror } from './mirror.ts'
import { urlOf } from './snippets.ts'
import type { Selection, Survey, Wanted } from './survey.ts'
import type { Site } from './visitor.ts'

/** What the page shows. */
export interface Listed {
  readonly survey: Survey
  readonly wanted: Wanted
  readonly selection: Selection
  /** The mirrors of the selection, each already drawn. */
  readonly rows: readonly Html[]
  readonly title: string
}

/** A link to this page with another part of its query. */
type Link = (change: Partial<Record<'q' | 'show' | 'page' | 'lang', string | number | null>>) => string

/** The page for what a visitor asked for. */
export function drawList({ survey, wanted, selection, rows, title }: Listed, writer: Writer): Page {
  const { lang } = writer
  const { text, show } = wanted
  const link: Link = (change) =>
    linkTo('', { q: text, show: show === 'all' ? null : show, lang, page: null, ...change })
  return {
    title,
    linkIn: (other) => link({ lang: other, page: selection.page > 1 ? selection.page : null }),
    content: html`<h1>${title}</h1>
${drawSummary(survey, writer)}
<div class="tools">
${drawSearch(wanted, writer)}
${drawChips(survey, { wanted, link }, writer)}
</div>
${rows.length > 0 ? drawTable(rows, writer) : drawEmpty(survey, link({ q: null, show: null }), writer)}
${selection.pages > 1 ? drawPages(selection, link, writer) : null}`,
  }
}

function drawSummary({ upToDate, mirrors, at }: Survey, { write, count, isOne }: Writer): Html {
  const total = mirrors.length
  const form = isOne(total) ? 'one' : 'other'
  const iso = at.toISOString()
  const time = html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`
  const sentence = write(`summary.${form}`, { upToDate: count(upToDate), total: count(total), time })
  return html`<p class="summary">${sentence}</p>`
}

function drawSearch({ text, show }: Wanted, { lang, write }: Writer): Html {
  const keep = (name: string, value: string) => html`<input type="hidden" name="${name}" value="${value}">\n`
  return html`<form action="${linkTo('', {})}" method="get" role="search">
<label for="q">${write('search')}</label>
<input id="q" name="q" type="search" maxlength="100" value="${text}">
${show === 'all' ? null : keep('show', show)}${lang && keep('lang', lang)}<button>${write('find')}</button>
</form>`
}

function drawChips(survey: Survey, { wanted, link }: { wanted: Wanted; link: Link }, { write, count }: Writer): Html {
  const chips = [
    ['all', survey.mirrors.length],
    ['problems', survey.problems],
    ['new', survey.recent],
  ] as const
  return html`<nav class="chips" aria-label="${write('filter')}">
${chips.map(([show, number]) => {
  const href = link({ show: show === 'all' ? null : show })
  const text = [write(`show.${show}`), ` (${count(number)})`]
  return show === wanted.show
    ? html`<a href="${href}" aria-current="page">${text}</a>\n`
    : html`<a href="${href}">${text}</a>\n`
})}</nav>`
}

function drawTable(rows: readonly Html[], { write }: Writer): Html {
  const columns = ['state', 'name', 'success', 'content', 'next', 'size', 'help'] as const
  return html`<table>
<caption>${write('mirrors')}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col">${write(`column.${column}`)}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table>`
}

/** The row of a mirror. Its name is a link to its files when it is known where these are. */
export function drawRow(mirror: Mirror, site: Site, writer: Writer): Html {
  const { lang, write } = writer
  const page = linkToMirror(mirror.name, lang)
  const files = site.isKnown ? `${urlOf(site.url, mirror.name)}/` : page
  const cell = (column: 'success' | 'content' | 'next' | 'size', content: Content) =>
    content === null
      ? html`<td class="empty">${write('none')}</td>\n`
      : html`<td data-label="${write(`column.${column}`)}">${content}</td>\n`
  return html`<tr><td>${drawState(mirror.state, writer)}</td>
<th scope="row"><a href="${files}"><bdi>${mirror.name}</bdi></a></th>
${cell('success', drawInstant(mirror.succeededAt, writer))}${[
    cell('content', drawTime(mirror.contentAt)),
    cell('next', drawNext(mirror, writer)),
    cell('size', drawSize(mirror.sizeBytes)),
  ]}<td><a href="${page}" aria-label="${write('helpFor', { name: mirror.name })}">${write('help')}</a></td></tr>
`
}

/** When something was; null: that is not known. */
export function drawTime(instant: string | null): Content {
  return instant === null ? null : timeOf(instant)
}

/** How long ago something was, and when; null: that is not known. */
export function drawInstant(instant: string | null, { relative }: Writer): Content {
  return instant === null ? null : html`${relative(instant)} <small>${timeOf(instant)}</small>`
}

/** When the next sync starts, or its place in the queue; null: that is not known. */
export function drawNext({ dueAt, queued }: Mirror, writer: Writer): Content {
  const { write, ordinal, now } = writer
  if (queued !== null) return write('queued', { place: ordinal(queued) })
  if (dueAt !== null && Date.parse(dueAt) <= now.getTime()) return write('due')
  return drawInstant(dueAt, writer)
}

/** A size in bytes; null: that is not known. */
export function drawSize(bytes: number | null): Content {
  return bytes === null ? null : html`<span class="number">${formatBytes(bytes)}</span>`
}

function drawEmpty({ mirrors }: Survey, all: string, { write }: Writer): Html {
  if (mirrors.length === 0) return html`<p>${write('noneYet')}</p>`
  return html`<p>${write('noMatch')} <a href="${all}">${write('showAll')}</a></p>`
}

function drawPages({ page, pages }: Selection, link: Link, { write, count }: Writer): Html {
  return html`<nav class="pages" aria-label="${write('pages')}">
${page > 1 ? html`<a rel="prev" href="${link({ page: page - 1 })}">${write('previous')}</a>` : null}
<span>${write('page', { page: count(page), pages: count(pages) })}</span>
${page < pages ? html`<a rel="next" href="${link({ page: page + 1 })}">${write('next')}</a>` : null}
</nav>`
}

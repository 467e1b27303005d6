// layout.ts — What every page of the status page has around its content.
import { html, markupOf, type Content, type Html } from './html.ts'
import { languages, type Language, type Writer } from './language.ts'
import { stateLooks, type MirrorState } from './mirror.ts'
import { encodeName } from './snippets.ts'

/** Where the pages are. */
export const ROOT = '/status/'

/** What programs read. */
const FEEDS = ['feed.atom', 'mirrors.json', 'mirrorz.json', 'tunasync.json']

/** What all pages have in common. */
export interface Look {
  readonly title: string
  readonly notice: string | null
  readonly hasLogo: boolean
  readonly header: Html | null
  readonly footer: Html | null
}

/** One page: its own title and content, and its address in another language. */
export interface Page {
  readonly title: Content
  readonly content: Html
  linkIn(language: Language): string
}

/** The whole document. */
export function drawDocument(page: Page, writer: Writer, look: Look): string {
  const { write, language, lang } = writer
  const feed = linkTo('feed.atom', { lang })
  return markupOf(html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<link rel="stylesheet" href="${ROOT}style.css">
<link rel="alternate" type="application/atom+xml" title="${write('incidents')}" href="${feed}">
<link rel="icon" href="${look.hasLogo ? `${ROOT}logo` : 'data:,'}">
</head>
<body>
<a class="skip" href="#content">${write('skip')}</a>
<header>
${look.header}
${drawBar(page, writer, look)}
</header>
<main id="content">
${look.notice && html`<section class="notice" aria-label="${write('notice')}">${look.notice}</section>`}
${page.content}
</main>
<footer>
<p>${write('programs')} ${FEEDS.map((feed) => html`<a href="${linkTo(feed, {})}">${feed}</a> `)}</p>
${look.footer}
</footer>
</body>
</html>
`)
}

function drawBar(page: Page, writer: Writer, { hasLogo, title }: Look): Html {
  const logo = hasLogo ? html`<img src="${ROOT}logo" alt="">` : null
  const tags = Object.keys(languages) as Language[]
  return html`<div class="bar">
<a class="site" href="${linkTo('', { lang: writer.lang })}">${logo}${title}</a>
<nav class="languages" aria-label="${writer.write('language')}">
${tags.map((tag) => drawLanguage(tag, page, writer))}</nav>
</div>`
}

function drawLanguage(tag: Language, { linkIn }: Page, { language }: Writer): Html {
  const { name } = languages[tag]
  return tag === language
    ? html`<span aria-current="true" lang="${tag}">${name}</span>\n`
    : html`<a href="${linkIn(tag)}" lang="${tag}" hreflang="${tag}">${name}</a>\n`
}

/** A link to a page below ROOT; what of its query is empty or null is left out. */
export function linkTo(path: string, query: Readonly<Record<string, string | number | null>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== '')
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()
  return `${ROOT}${path}${search ? `?${search}` : ''}`
}

/** A link to the page of a mirror. The slash tells it from other paths here. */
export function linkToMirror(name: string, lang: Language | null): string {
  return linkTo(`${encodeName(name)}/`, { lang })
}

/** The word of a state with its glyph. */
export function drawState(state: MirrorState, { write }: Writer): Html {
  const glyph = html`<span aria-hidden="true">${stateLooks[state].glyph}</span>`
  return html`<span class="state state-${state}">${glyph} ${write(`state.${state}`)}</span>`
}

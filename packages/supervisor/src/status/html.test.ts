// html.test.ts — No text breaks out of the place in a template where it stands.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { html, markupOf, trustMarkup } from './html.ts'

/** Texts full of what means something in HTML, and anything else. */
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom('<', '>', '"', "'", '&', '</p>', '<script>', '-->', '&lt', '\u202e', '\0', 'é', 'x', '=', '`'),
    )
    .map((parts) => parts.join('')),
)

test('a text stays text in elements and attributes', () => {
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const markup = markupOf(html`<p title="${one}">${[other, null]}</p>`)
      const [, title, content] = /^<p title="([^"<>]*)">([^"'<>]*)<\/p>$/.exec(markup) ?? []
      expect([title, content]).not.toContain(undefined)
      // Every ampersand begins an entity of ours.
      expect(markup).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/)
      // oxlint-disable-next-line no-control-regex
      expect(markup).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/)
      expect(markup.isWellFormed()).toBe(true)
    }),
  )
})

test('markup is put in as it is, and what looks like it is not', () => {
  const inner = html`<b>${'&'}</b>`
  expect(markupOf(html`${inner}${trustMarkup('<i>')}${7}`)).toBe('<b>&amp;</b><i>7')
  expect(markupOf([markupOf(inner), '<b>'])).toBe('&lt;b&gt;&amp;amp;&lt;/b&gt;&lt;b&gt;')
})

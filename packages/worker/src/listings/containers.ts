// containers.ts — Which of the lists of a page is the server's own. A HEADER above or a README below has links too, and
// even lists of links: what they name is prose, not an entry.
import type { Document, List, Row } from './document.ts'
import { decodePercent } from '../names.ts'

/** The list of the server, and how much speaks for it. */
export interface Choice {
  readonly list: List
  readonly points: number
}

/** From these points on, something that prose does not have speaks for a list: sorting, a parent, or dates. */
export const POINTS_SURE = 4
const POINTS_CLOSE = 4
const SAMPLE = 40
const DATED = new RegExp(
  String.raw`\d{4}-\w{2,3}-\d\d|\d\d-[A-Za-z]{3}-\d{4}|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{1,2}:\d\d|` +
    String.raw`[A-Z][a-z]{2} {1,2}\d{1,2},? +\d{4}`,
)

/**
 * The lists that may be that of the server, best evidence first; of equal ones, that with most entries. Others than the
 * first come into question when a format is recognised in them.
 */
export function rankLists({ lists }: Document): [Choice, ...Choice[]] {
  const choices = lists.map((list) => ({ list, points: pointsOf(list) })).sort(compareChoices)
  const [best, ...others] = choices as [Choice, ...Choice[]]
  return [best, ...others.filter(({ points }) => best.list.tag === 'page' || best.points - points <= POINTS_CLOSE)]
}

/** Lists that are as good as the best and of the same kind: some pages have one for folders and one for files. */
export function listsLike({ lists }: Document, { list: best, points }: Choice): List[] {
  return lists.filter((list) => list === best || (list.tag === best.tag && pointsOf(list) === points))
}

/** Whether something that has links below the page looks like the list of a server. */
export function isDated(rows: readonly Row[]): boolean {
  const sample = rows.slice(0, SAMPLE).filter(({ extra }) => !extra)
  const dated = sample.filter(({ before, after, dataTime }) => dataTime !== null || DATED.test(before + after))
  return dated.length > 0 && dated.length * 2 >= sample.length
}

function compareChoices(one: Choice, other: Choice): number {
  const isPage = ({ list }: Choice) => Number(list.tag === 'page')
  return other.points - one.points || other.list.rows.length - one.list.rows.length || isPage(one) - isPage(other)
}

function pointsOf(list: List): number {
  const { rows, sorts, parent, under, tag } = list
  const headed = /index of|directory|listing/i.test(under) ? 1 : 0
  // Of links in no list only dates make one.
  const framed = tag === 'page' ? 0 : (sorts.size > 0 ? 8 : 0) + (parent !== null ? 4 : 0) + headed
  return framed + (isDated(rows) ? 4 : 0) + (rows.length > 0 && showNames(rows) ? 2 : 0)
}

/** Whether the texts of the links are the names, whole or shortened. */
function showNames(rows: readonly Row[]): boolean {
  return rows.slice(0, SAMPLE).every(({ target, label }) => {
    const text = label.trim().replace(/\/$/, '')
    const name = decodePercent(target.raw)
    return (
      text === '' || text.includes('\ufffd') || text === name.trim() || name.startsWith(text.replace(/\.{2,3}>?$/, ''))
    )
  })
}

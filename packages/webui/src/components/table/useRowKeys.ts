// useRowKeys.ts — j and k move through the rows of a list: the focus goes to the link of the row, so that Enter opens
// it. Arrows to the sides move through what can be pressed in a row. Where rows can be chosen, x chooses the one with
// the focus; where they have menus, a dot opens its menu.
import { onMounted, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useKeys } from '../../composables/useKeys.ts'

/** What rows have. */
interface RowParts {
  /** Whether each has a box (`td.pick`). */
  choose(): boolean
  /** Whether each has a menu (`td.act`). */
  menu(): boolean
}

/** Keys for the rows (`tr.item`) within `box`. Of several lists of a page the one with the focus takes them. */
export function useRowKeys(box: Ref<HTMLElement | null>, { choose, menu }: RowParts): void {
  const { t } = useI18n()
  const inList = (keys: string, words: string, run: () => void) => ({ keys, words, where: 'list', run }) as const
  useKeys(() => [
    inList('j', t('keys.next'), () => moveFocus(box.value, 1)),
    inList('k', t('keys.previous'), () => moveFocus(box.value, -1)),
    ...(choose() ? [inList('x', t('keys.choose'), () => pressIn('td.pick input'))] : []),
    ...(menu() ? [inList('.', t('keys.menu'), () => pressIn('td.act button'))] : []),
  ])
  // Elsewhere these scroll, or choose: only rows have them.
  const moveAside = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (by === undefined || !pressable(event.target, by)) return
    event.preventDefault()
    pressable(event.target, by)?.focus()
  }
  onMounted(() => box.value?.addEventListener('keydown', moveAside))
}

/** The key of the row with the focus; null: none has it. */
export const focusedRow = (): string | null =>
  document.activeElement?.closest<HTMLElement>('tr.item')?.dataset['key'] ?? null

/** Presses a part of the row with the focus. */
function pressIn(part: string): void {
  document.activeElement?.closest('tr.item')?.querySelector<HTMLElement>(part)?.click()
}

/** What can be pressed in the row of an element, so many places after it. */
function pressable(target: EventTarget | null, by: number): HTMLElement | undefined {
  const row = target instanceof HTMLElement ? target.closest('tr.item') : null
  const all = [...(row?.querySelectorAll<HTMLElement>('a[href], button, input') ?? [])]
  return all[all.indexOf(target as HTMLElement) + by]
}

function moveFocus(own: HTMLElement | null, by: 1 | -1): void {
  const row = document.activeElement?.closest('tr.item')
  const to = row ? neighbourOf(row, by) : firstInSight(own)
  const link = to?.querySelector<HTMLElement>('a[href]') ?? to?.querySelector<HTMLElement>('button')
  link?.focus()
  to?.scrollIntoView({ block: 'nearest' })
}

function neighbourOf(row: Element, by: 1 | -1): Element | null {
  const next = by === 1 ? row.nextElementSibling : row.previousElementSibling
  return next?.matches('tr.item') ? next : null
}

/** The first row that is on the screen below the bars: where a reader's eyes are. */
function firstInSight(box: HTMLElement | null): Element | null {
  const rows = [...(box?.querySelectorAll('tr.item') ?? [])]
  return rows.find((row) => row.getBoundingClientRect().top >= 0) ?? rows[0] ?? null
}

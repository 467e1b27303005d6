// useRowKeys.ts — j and k move through the rows of a list: the focus goes to the link of the row, so that Enter opens
// it. Where rows can be chosen, x chooses the one with the focus.
import { type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useKeys } from '../../composables/useKeys.ts'

/**
 * Keys for the rows (`tr.item`) within `box`. Of several lists of a page the one with the focus takes them. `choose`:
 * whether each row has a box (`td.pick`).
 */
export function useRowKeys(box: Ref<HTMLElement | null>, choose: () => boolean): void {
  const { t } = useI18n()
  useKeys(() => [
    { keys: 'j', words: t('keys.next'), where: 'list', run: () => moveFocus(box.value, 1) },
    { keys: 'k', words: t('keys.previous'), where: 'list', run: () => moveFocus(box.value, -1) },
    ...(choose() ? [{ keys: 'x', words: t('keys.choose'), where: 'list' as const, run: chooseRow }] : []),
  ])
}

function chooseRow(): void {
  document.activeElement?.closest('tr.item')?.querySelector<HTMLInputElement>('td.pick input')?.click()
}

function moveFocus(own: HTMLElement | null, by: 1 | -1): void {
  const row = document.activeElement?.closest('tr.item')
  const to = row ? neighbourOf(row, by) : firstInSight(own)
  const link = to?.querySelector<HTMLElement>('a[href], button')
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

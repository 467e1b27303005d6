// useCopiedTimes.ts — Who copies rows of a list gets instants, not ages: "2 h ago" says nothing tomorrow.
import { onMounted, onScopeDispose, type Ref } from 'vue'

/** Within `box`, ages are copied as the instants that they say on hover; cells with tabs, rows with line breaks. */
export function useCopiedTimes(box: Ref<HTMLElement | null>): void {
  const copy = (event: ClipboardEvent): void => {
    const text = textOf(getSelection())
    if (text === null) return
    event.clipboardData?.setData('text/plain', text)
    event.preventDefault()
  }
  onMounted(() => box.value?.addEventListener('copy', copy))
  onScopeDispose(() => box.value?.removeEventListener('copy', copy))
}

/** What is selected; null where it has no age in it, so that the browser copies it as always. */
function textOf(selection: Selection | null): string | null {
  if (!selection || selection.isCollapsed) return null
  const range = selection.getRangeAt(0)
  const around = range.commonAncestorContainer
  const own = (around instanceof Element ? around : around.parentElement)?.closest<HTMLElement>('time[title]')
  if (own) return own.title
  const part = range.cloneContents()
  const times = part.querySelectorAll<HTMLElement>('time[title]')
  if (times.length === 0) return null
  for (const time of times) time.textContent = time.title
  const rows = [...part.querySelectorAll('tr')]
  const cellsOf = (row: ParentNode): string =>
    [...row.querySelectorAll('td, th')].map((cell) => cell.textContent?.trim() ?? '').join('\t')
  if (rows.length > 0) return rows.map(cellsOf).join('\n')
  return part.querySelector('td') ? cellsOf(part) : part.textContent
}

// placePopover.ts — Where a popover stands.

const MARGIN = 8
const GAP = 4

/** Puts an open popover below what it belongs to, or above where there is no room, and inside the window. */
export function placePopover(panel: HTMLElement, at: HTMLElement): void {
  const from = at.getBoundingClientRect()
  const { width, height } = panel.getBoundingClientRect()
  // The body ends where the place for a scrollbar begins.
  const { right } = document.body.getBoundingClientRect()
  const isBelow = from.bottom + GAP + height <= innerHeight - MARGIN
  const top = isBelow ? from.bottom + GAP : Math.max(MARGIN, from.top - GAP - height)
  const left = Math.max(MARGIN, Math.min(from.left, right - width - MARGIN))
  Object.assign(panel.style, { inset: 'auto', margin: '0', top: `${top}px`, left: `${left}px` })
}

// ListRow.ts — A row of a list. It is drawn again when its row, its columns or what its cells read has changed, and not
// when other rows have: the slots of the table are called from here, which a template cannot do.
import { defineComponent, h, type Slots, type VNode } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Selection } from '../../composables/useSelection.ts'
import type { Column } from './column.ts'

interface ListRowProps {
  readonly row: unknown
  readonly id: string
  /** What people call it. */
  readonly name: string
  /** Its place in the list, from 1; the head of the table is the first. */
  readonly place: number
  readonly columns: readonly Column[]
  /** What is in the cell of each column, by its key. */
  readonly cells: Slots
  readonly isCard: boolean
  readonly selection: Selection | null
  readonly hasMenu: boolean
}

/** Emits `pick` with the click on its box, and `menu` with the button that was pressed. */
export const ListRow = defineComponent(
  (props: ListRowProps, { emit }) => {
    const { t } = useI18n()
    const box = (selection: Selection): VNode =>
      h('td', { class: 'pick', role: 'cell' }, [
        h('input', {
          type: 'checkbox',
          'aria-label': t('bulk.pick', { name: props.name }),
          checked: selection.has(props.id),
          onClick: (event: MouseEvent) => emit('pick', props.id, event),
        }),
      ])
    const cell = ({ key, numeric, card, word }: Column): VNode =>
      h(
        'td',
        { key, role: 'cell', class: { num: numeric && !props.isCard }, 'data-card': card, 'data-word': word },
        props.cells[key]?.({ row: props.row }),
      )
    const menu = (): VNode =>
      h('td', { class: 'act', role: 'cell' }, [
        h(
          'button',
          {
            type: 'button',
            class: 'button plain square small',
            'aria-haspopup': 'menu',
            'aria-label': t('rowMenu.of', { name: props.name }),
            onClick: ({ currentTarget }: MouseEvent) => emit('menu', props.row, currentTarget),
          },
          [h('span', { 'aria-hidden': 'true' }, '⋯')],
        ),
      ])
    return () =>
      h('tr', { class: 'item', role: 'row', 'data-key': props.id, 'aria-rowindex': props.place }, [
        props.selection && box(props.selection),
        ...props.columns.map(cell),
        props.hasMenu && menu(),
      ])
  },
  {
    props: ['row', 'id', 'name', 'place', 'columns', 'cells', 'isCard', 'selection', 'hasMenu'],
    emits: ['pick', 'menu'],
  },
)

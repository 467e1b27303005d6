// columns.ts — Columns of numbers that grow together, for what there is a million of. Pure.

type Numbers = Uint8Array | Uint32Array | Int32Array | Float64Array
type Layout = Readonly<
  Record<string, Uint8ArrayConstructor | Uint32ArrayConstructor | Int32ArrayConstructor | Float64ArrayConstructor>
>

/** The columns of a table. */
export interface Columns<L extends Layout> {
  /** The columns, by name. They are other arrays after `reserve`. */
  readonly of: { [K in keyof L]: InstanceType<L[K]> }
  /** Makes room for so many rows; new ones are zero. */
  reserve(rows: number): void
}

const FIRST_ROWS = 64

/** Empty columns of these types. */
export function createColumns<L extends Layout>(layout: L): Columns<L> {
  const of: Record<string, Numbers> = {}
  let room = FIRST_ROWS
  for (const [name, Type] of Object.entries(layout)) of[name] = new Type(room)
  return {
    of: of as Columns<L>['of'],
    reserve(rows) {
      if (rows <= room) return
      while (room < rows) room = Math.ceil(room * 1.5)
      for (const [name, Type] of Object.entries(layout)) {
        const larger = new Type(room)
        larger.set(of[name]!)
        of[name] = larger
      }
    },
  }
}

// rows.test.ts — What is packed comes out as it went in, whatever a worker says; what is gone leaves nothing behind.
import type { ReplicaState } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyState } from '../../testing/any-state.ts'
import { createNames } from './names.ts'
import { createPacker, createUnpacker, instantMs } from './packing.ts'
import { createReplicaTable } from './replica-table.ts'
import { createSettings } from './settings.ts'
import { createSlab } from './slab.ts'
import { createTexts } from './texts.ts'

const texts = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), maxLength: 80 }),
  fc.constantFrom(
    '',
    '-',
    'é',
    '00000000',
    '0000000g',
    '00000000-0000-0000-0000-00000000000-',
    '0'.repeat(36),
    '\u{1f427}'.repeat(9),
  ),
  fc.integer({ min: 30_000, max: 40_000 }).map((length) => 'x'.repeat(length)),
)

describe('packed values', () => {
  it('are read as they were written', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(texts, fc.maxSafeNat())), (values) => {
        const [packer, unpacker] = [createPacker(), createUnpacker()]
        packer.begin()
        for (const value of values) {
          if (typeof value === 'string') packer.text(value)
          else packer.count(value)
        }
        unpacker.begin(Buffer.from(packer.buffer.subarray(0, packer.length)), 0)
        expect(values.map((value) => (typeof value === 'string' ? unpacker.text() : unpacker.count()))).toEqual(values)
      }),
    ))

  it('are instants only where they come back in the same form', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (at) => {
          expect(instantMs(at.toISOString())).toBe(at.getTime())
        },
      ),
    )
    const others = ['', '2026-01-01T00:00:00Z', '2026-02-29T00:00:00.000Z', '1969-12-31T23:59:59.999Z']
    const wrong = [
      '2026-01-01T24:00:00.000Z',
      '2026-13-01T00:00:00.000Z',
      '2026-01-01t00:00:00.000z',
      '2026-01-01T00:0x:00.000Z',
    ]
    expect([...others, ...wrong].map(instantMs)).toEqual([...others, ...wrong].map(() => null))
    expect(instantMs('2028-02-29T00:00:00.000Z')).toBe(Date.parse('2028-02-29T00:00:00.000Z'))
  })
})

describe('records of bytes', () => {
  it('keep what was put, whatever is freed between', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.oneof(fc.nat(300), fc.nat(50_000))), { maxLength: 60 }), (steps) => {
        const slab = createSlab()
        const kept = new Map<number, Buffer>()
        for (const [index, [kind, size]] of steps.entries()) {
          const oldest = kept.keys().next().value
          if (kind === 0 && oldest !== undefined) {
            slab.free(oldest)
            kept.delete(oldest)
            continue
          }
          const bytes = Buffer.alloc(size, index + 1)
          kept.set(slab.put(bytes, size), bytes)
        }
        for (const [address, bytes] of kept) {
          const { buffer, from, to } = slab.at(address)
          expect(buffer.subarray(from, to).equals(bytes)).toBe(true)
        }
      }),
    ))

  it('of one size take room once, however often they change', () => {
    const slab = createSlab()
    const bytes = Buffer.alloc(100)
    let address = slab.put(bytes, 100)
    const { bytes: before } = slab
    for (let n = 0; n < 10_000; n++) {
      slab.free(address)
      address = slab.put(bytes, 100)
    }
    expect(slab.bytes).toBe(before)
  })
})

describe('texts that are kept once', () => {
  it.each([0, 8, 1000])('have one number as long as one is kept, with %d found by themselves', (recent) =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.boolean()), { maxLength: 200 }), (steps) => {
        const kept = createTexts({ recent })
        const model = new Map<string, { id: number; times: number }>()
        for (const [n, isRelease] of steps) {
          const text = `text-${n % 41}`
          const known = model.get(text)
          expect(kept.find(text)).toBe(known?.id ?? -1)
          if (isRelease && known) {
            expect(kept.release(known.id)).toBe(--known.times === 0)
            if (known.times === 0) model.delete(text)
          } else if (!isRelease) {
            const id = kept.keep(text)
            expect(id).toBe(known?.id ?? id)
            model.set(text, { id, times: (known?.times ?? 0) + 1 })
          }
        }
        expect(kept.size).toBe(model.size)
        for (const [text, { id }] of model) expect(kept.textOf(id)).toBe(text)
      }),
    ),
  )

  it('are found among many', () => {
    const kept = createTexts()
    const ids = Array.from({ length: 5000 }, (_, n) => kept.keep(`text ${n}`))
    for (const [n, id] of ids.entries()) if (n % 3 > 0) kept.release(id)
    expect(ids.map((id, n) => (n % 3 > 0 ? kept.find(`text ${n}`) : kept.find(`text ${n}`) - id))).toEqual(
      ids.map((_, n) => (n % 3 > 0 ? -1 : 0)),
    )
  })
})

describe('names, and what replicas are set to,', () => {
  const kept = (text: string): [string, boolean] => [text, false]
  const some = fc.array(fc.tuple(fc.constantFrom('', 'a', 'b', 'c', '雪'), fc.boolean()), { maxLength: 100 })

  it('have one number as long as one is kept, in whatever order they come', () =>
    fc.assert(
      fc.property(some, (steps) => {
        const [names, settings] = [createNames(), createSettings()]
        const settingOf = (kind: string) =>
          ({ kind, interval_secs: 60, labels: { team: kind }, options: {}, origin: 'config' }) as const
        const model = new Map<string, { ids: readonly [number, number]; times: number }>()
        for (const [text, isRelease] of steps) {
          const known = model.get(text)
          expect([names.findName(text) ?? -1, settings.find(settingOf(text))]).toEqual(known?.ids ?? [-1, -1])
          if (isRelease && known) {
            names.releaseName(known.ids[0])
            settings.release(known.ids[1])
            if (--known.times === 0) model.delete(text)
          } else if (!isRelease) {
            const ids = [names.keepName(text), settings.keep(settingOf(text))] as const
            expect(ids).toEqual(known?.ids ?? ids)
            model.set(text, { ids, times: (known?.times ?? 0) + 1 })
          }
          expect([...model.values()].map(({ ids }) => [names.nameOf(ids[0]), settings.settingOf(ids[1])])).toEqual(
            [...model.keys()].map((kept) => [kept, settingOf(kept)]),
          )
        }
      }),
      // What came after `a` before is gone when the empty name comes after it.
      { examples: [[[...['a', 'b'].map(kept), ['b', true], ...['a', '', ''].map(kept)]]] },
    ))
})

describe('a state in the table', () => {
  const tableOf = () => {
    const table = createReplicaTable({ recentMax: 0 })
    const worker = table.addWorker({} as never)
    return { table, worker }
  }

  it('is the state that its worker reported, to the last field', () =>
    fc.assert(
      fc.property(anyState('a'), anyState('a'), (first, second) => {
        const { table, worker } = tableOf()
        const row = table.add(worker, first)
        expect(JSON.parse(JSON.stringify(table.entryOf(row).state))).toEqual(JSON.parse(JSON.stringify(first)))
        expect(table.equals(row, first)).toBe(true)
        expect(table.equals(row, second)).toBe(sameText(first, second))
        for (const field of new Set([...Object.keys(first), ...Object.keys(second)]) as Set<keyof ReplicaState>) {
          const other = { ...first, [field]: second[field] }
          expect(table.equals(row, other), field).toBe(sameText(first, other))
        }
        table.write(row, second)
        expect(JSON.parse(JSON.stringify(table.entryOf(row).state))).toEqual(JSON.parse(JSON.stringify(second)))
        expect(table.equals(row, second)).toBe(true)
      }),
      { numRuns: 200 },
    ))

  it('of a replica that was removed is refused, also when another has its row', () => {
    const { table, worker } = tableOf()
    const state = fc.sample(anyState('a'), 1)[0]!
    const entry = table.entryOf(table.add(worker, state))
    table.drop(entry.row)
    expect([entry.gone, table.size, worker.replicas.size]).toEqual([true, 0, 0])
    expect(() => entry.state).toThrow('the replica was removed meanwhile')
    const next = table.entryOf(table.add(worker, { ...state, replica_id: 'b' }))
    expect([next.row, next.replicaId, entry.gone]).toEqual([entry.row, 'b', true])
    expect(() => entry.name).toThrow('the replica was removed meanwhile')
  })
})

/** Whether two states are the same but for the order of fields. */
function sameText(one: ReplicaState, other: ReplicaState): boolean {
  const sorted = (state: ReplicaState) => {
    const fields = Object.entries(JSON.parse(JSON.stringify(state)) as object)
    return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  return sorted(one) === sorted(other)
}

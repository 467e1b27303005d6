// names.ts — The names of replicas, each kept once: as texts, for lists are sorted by them. Pure.
import { createColumns } from './columns.ts'
import { createSequence } from './sequence.ts'

/** Names of replicas, by number. */
export interface Names {
  /** The number of a name, which one more replica has. */
  keepName(name: string): number
  releaseName(id: number): void
  nameOf(id: number): string
  /** The number of a name; undefined when no replica has it. */
  findName(name: string): number | undefined
  /** All numbers of names are below this. */
  nameCount(): number
  /** How often a number has come to stand for another name. */
  reused(): number
}

/** No names. */
export function createNames(): Names {
  const ids = new Map<string, number>()
  const names: string[] = []
  const released: number[] = []
  let reused = 0
  const columns = createColumns({ replicas: Uint32Array })
  const sequence = createSequence()
  return {
    keepName(name) {
      const expected = sequence.expected()
      const isExpected = names[expected] === name && columns.of.replicas[expected]! > 0
      let id = isExpected ? expected : ids.get(name)
      if (id === undefined) {
        if (released.length > 0) reused++
        id = released.pop() ?? names.length
        ids.set(name, id)
        names[id] = name
        columns.reserve(id + 1)
      }
      columns.of.replicas[id]!++
      return sequence.note(id)
    },
    releaseName(id) {
      if (--columns.of.replicas[id]! > 0) return
      ids.delete(names[id]!)
      names[id] = ''
      released.push(id)
    },
    nameOf: (id) => names[id]!,
    findName: (name) => ids.get(name),
    nameCount: () => names.length,
    reused: () => reused,
  }
}

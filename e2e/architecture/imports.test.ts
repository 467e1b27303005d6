// imports.test.ts — Checks the imports against the table of ARCHITECTURE.md, and that there is no import cycle.
import { globSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { code, importsOf, product, read, ROOT } from './sources.ts'

interface Rule {
  readonly room: string
  readonly allowed: readonly string[]
  readonly never: readonly string[]
}

/** The rows of the import table: | `room` | may import | never |. Words in backticks are checked. */
function importTable(): Rule[] {
  const section = read('ARCHITECTURE.md').split('## Who may import whom')[1]?.split('\n## ')[0] ?? ''
  const words = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, room = '', allowed, never] = line.split('|')
      return { room: words(room)[0]!, allowed: words(allowed), never: words(never) }
    })
}

/** Returns true when a file is in a room: `worker`, `worker/core`, `worker/providers/git`, `cli/compiled.ts`. */
function inRoom(path: string, room: string): boolean {
  const [name, ...rest] = room.split('/')
  const base = ['packages', name, 'src', ...rest].join('/')
  return path === base || path.startsWith(`${base}/`)
}

function matches(target: string, file: string, word: string): boolean {
  if (word === 'node:*') return target.startsWith('node:')
  if (word === 'own') return target.startsWith('packages/') && target.split('/')[1] === file.split('/')[1]
  if (target === `@kagami/${word}` || target.startsWith(`@kagami/${word}/`)) return true
  if (target === word || target.startsWith(`${word}/`)) return true
  return target.startsWith('packages/') && inRoom(target, word)
}

const rules = importTable()

describe('the import table of ARCHITECTURE.md', () => {
  test('names every package', () => {
    const packages = globSync('packages/*/package.json', { cwd: ROOT }).map((path) => path.split('/')[1]!)
    const rooms = new Set(rules.map(({ room }) => room))
    expect(packages.filter((name) => !rooms.has(name))).toEqual([])
  })

  test('has a row for every kind of upstream', () => {
    const folders = globSync('packages/worker/src/providers/*/', { cwd: ROOT }).map((path) => path.split('/')[4]!)
    const rooms = rules.map(({ room }) => room)
    expect(folders.filter((kind) => !rooms.includes(`worker/providers/${kind}`))).toEqual([])
  })

  test('names only rooms that exist', () => {
    const rooms = rules.map(({ room }) => room).filter((room) => !room.startsWith('node:'))
    expect(rooms.filter((room) => !product.some((file) => inRoom(file, room)))).toEqual([])
  })

  test.each(rules)('$room imports what it may, and nothing else', ({ room, allowed, never }) => {
    const strangers = product
      .filter((file) => inRoom(file, room))
      .flatMap(importsOf)
      .filter(({ target, file }) => {
        // The longer word decides: `runtime` never, `runtime/machine` yes.
        const longest = (words: readonly string[]) =>
          Math.max(
            -1,
            ...words.filter((word) => matches(target, file, word)).map((word) => (word === 'own' ? 0 : word.length)),
          )
        return longest(allowed) < 0 || longest(never) >= longest(allowed)
      })
      .map(({ file, target }) => `${file} imports ${target}`)
    expect(strangers).toEqual([])
  })

  test('only the files it lists start child processes', () => {
    const starters = product.filter((file) => /from 'node:child_process'/.test(read(file)))
    const listed = rules.find(({ room }) => room === 'node:child_process')?.allowed ?? []
    expect(starters.toSorted()).toEqual([...listed].sort())
  })
})

test('a package imports the inside of another one only through its name', () => {
  const packageOf = (path: string) => path.split('/')[1]
  const strangers = product
    .flatMap(importsOf)
    .filter(({ file, target }) => target.startsWith('packages/') && packageOf(target) !== packageOf(file))
    .filter(({ target }) => !target.endsWith('package.json'))
  expect(strangers).toEqual([])
})

test('no files import each other in a circle, types and tests included', () => {
  expect(findCycles(new Map(code.map((file) => [file, importsOf(file).map(({ target }) => ownFile(target))])))).toEqual(
    [],
  )
})

/** The file that a name such as `@kagami/worker/tree/paths` means; other targets unchanged. */
function ownFile(target: string): string {
  const [, name, inside] = /^@kagami\/([^/]+)(?:\/(.+))?$/.exec(target) ?? []
  return name === undefined ? target : `packages/${name}/src/${inside ?? 'index'}.ts`
}

/** Groups of files that reach each other (strongly connected, after Tarjan). */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const number = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const cycles: string[][] = []
  const visit = (file: string): void => {
    number.set(file, number.size)
    lowest.set(file, number.get(file)!)
    stack.push(file)
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue
      if (!number.has(next)) visit(next)
      if (stack.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!))
    }
    if (lowest.get(file) !== number.get(file)) return
    const group = stack.splice(stack.indexOf(file))
    if (group.length > 1 || graph.get(file)!.includes(file)) cycles.push(group)
  }
  for (const file of graph.keys()) if (!number.has(file)) visit(file)
  return cycles
}

test('the search for cycles finds one', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a']],
    ['d', []],
  ])
  expect(findCycles(graph)).toEqual([['a', 'b', 'c']])
})

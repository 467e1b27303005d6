// random-trees.ts — Trees like those of old archives, and worse, for property tests: names of any bytes, every kind of
// entry, changes of kind between steps. One number makes the same tree again. No assertions.
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { nameOfBytes, pathBytes, readEntries, removePath, showName } from '../names.ts'

/** What the trees of a test may have; absent: everything. */
export interface TreeLimits {
  /** Which names may be used. */
  readonly allows?: (name: string) => boolean
  readonly links?: boolean
  /** Times before 1980 and after 2038 too. */
  readonly anyTime?: boolean
}

export interface RandomTree {
  /** Changes the tree on disk at random. It keeps at least one file. */
  step(): void
}

/** A name that is kept by every step, so that no tree is ever empty. */
export const KEPT = 'kept'

const YEAR_2100 = 4_102_444_800
const YEAR_2038 = 2_147_483_647
const YEAR_1980 = 315_532_800
/** Names that look like something else. */
const NAMES = [
  'caf\\351.txt',
  'café',
  '*deleting   x',
  '.d..t...... ',
  '\\#351',
  'No space left on device (28)',
  'Number of files: 7',
  ' two  spaces ',
  'line\nfeed',
  'q"uote" failed',
  'dists',
  'Packages',
  'InRelease',
  '-rf',
  '~',
  ';',
  '%n',
]

/** A tree in an empty folder; `seed` decides everything that happens to it. */
export function createRandomTree(root: string, seed: number, limits: TreeLimits = {}): RandomTree {
  const random = createRandom(seed)
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, KEPT), 'kept\n')
  const maker = createMaker(root, random, limits)
  return {
    step() {
      for (let count = 2 + random.below(12); count > 0; count--) maker.change()
    },
  }
}

/** Small, fast and repeatable: the mulberry32 generator. */
function createRandom(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number) => next() % limit
  return {
    below,
    pick: <T>(list: readonly T[]): T => list[below(list.length)]!,
    bytes: (length: number) => Buffer.from(Array.from({ length }, () => below(256))),
  }
}

type Random = ReturnType<typeof createRandom>

function createMaker(root: string, random: Random, limits: TreeLimits) {
  const names = createNames(random, limits)
  const at = (path: string) => join(root, path)
  const entries = () => walk(root, '').filter(({ path }) => path !== KEPT)
  const folders = () => ['', ...entries().flatMap(({ path, kind }) => (kind === 'folder' ? [path] : []))]
  const date = (path: string) => {
    const [from, to] = limits.anyTime === false ? [YEAR_1980, YEAR_2038] : [0, YEAR_2100]
    const seconds = from + random.below(to - from)
    lutimesSync(pathBytes(at(path)), seconds, seconds)
  }
  const writeFile = (path: string) => {
    writeFileSync(pathBytes(at(path)), random.bytes(random.pick([0, 1, 5, 200, 3000])))
    chmodSync(pathBytes(at(path)), random.pick([0o644, 0o600, 0o755, 0o444, 0o640, 0o4755]))
    date(path)
  }
  const makers = [
    writeFile,
    writeFile,
    (path: string) => {
      mkdirSync(pathBytes(at(path)))
      for (let count = random.below(4); count > 0; count--) make(join(path, names.fresh()), [writeFile])
      date(path)
    },
    ...(limits.links === false ? [] : [(path: string) => symlinkSync(names.target(), pathBytes(at(path)))]),
    (path: string) => {
      const file = entries().find(({ kind }) => kind === 'file')
      if (file) linkSync(pathBytes(at(file.path)), pathBytes(at(path)))
    },
  ]
  const make = (path: string, among: readonly ((path: string) => void)[] = makers) => {
    if (lstatSync(pathBytes(at(path)), { throwIfNoEntry: false }) === undefined) random.pick(among)(path)
  }
  const changes: readonly ((entry: Entry) => void)[] = [
    ({ path }) => removePath(at(path)),
    // The same name, mostly of another kind.
    ({ path }) => (removePath(at(path)), make(path)),
    ({ path }) => (removePath(at(path)), make(path)),
    ({ path, kind }) => void (kind === 'file' && replaceFile(at(path), () => writeFile(path))),
    ({ path }) => date(path),
    ({ path, kind }) => void (kind === 'folder' && make(join(path, names.fresh()))),
    ({ path }) => {
      const to = join(random.pick(folders()), names.fresh())
      if (!`${to}/`.startsWith(`${path}/`) && lstatSync(pathBytes(at(to)), { throwIfNoEntry: false }) === undefined)
        renameSync(pathBytes(at(path)), pathBytes(at(to)))
    },
  ]
  return {
    change() {
      const list = entries()
      if (list.length < 6 || random.below(3) === 0) {
        const shallow = folders().filter((path) => path.split('/').length < 4)
        return make(join(random.pick(shallow), names.fresh()))
      }
      random.pick(changes)(random.pick(list))
    },
  }
}

/** A file is replaced, not written into: others may be hard links to it. */
function replaceFile(path: string, write: () => void): void {
  removePath(path)
  write()
}

function createNames(random: Random, { allows = () => true }: TreeLimits) {
  const any = () => {
    if (random.below(3) === 0) return random.pick(NAMES)
    const bytes = random.bytes(1 + random.below(12)).filter((byte) => byte !== 0 && byte !== 0x2f)
    return nameOfBytes(Buffer.from(bytes))
  }
  const fresh = () => {
    for (;;) {
      const name = any()
      if (name !== '' && name !== '.' && name !== '..' && allows(name)) return name
    }
  }
  return {
    fresh,
    /** Most lead to something inside of the tree, or would; others lead out of it. */
    target: () => pathBytes(random.pick([fresh(), fresh(), `./${fresh()}`, '.', '/etc/passwd', '../../../../outside'])),
  }
}

interface Entry {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'link'
}

function walk(root: string, below: string): Entry[] {
  return readEntries(join(root, below))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry): Entry[] => {
      const path = join(below, entry.name)
      if (entry.isDirectory()) return [{ path, kind: 'folder' }, ...walk(root, path)]
      return [{ path, kind: entry.isSymbolicLink() ? 'link' : 'file' }]
    })
}

/** Everything of a tree that a mirror keeps, by name: kind, mode, time of files, content or target. */
export function describeTree(root: string): Record<string, string> {
  return Object.fromEntries(
    walk(root, '').map(({ path, kind }) => {
      const full = pathBytes(join(root, path))
      const { mode, mtimeMs } = lstatSync(full)
      const rights = (mode & 0o7777).toString(8)
      const described = {
        file: () => `file ${rights} ${Math.floor(mtimeMs / 1000)} ${readFileSync(full).toString('base64')}`,
        folder: () => `folder ${rights}`,
        link: () => `link to ${showName(nameOfBytes(readlinkSync(full, { encoding: 'buffer' })))}`,
      }
      return [showName(path), described[kind]()]
    }),
  )
}

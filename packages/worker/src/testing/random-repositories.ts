// random-repositories.ts — Repositories like those of real projects, and worse, for property tests: forced pushes,
// renames, aliases, names of any bytes, heads that are detached or lead nowhere. No assertions.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runChild } from '@kagami/demo'

export interface RandomRepository {
  /** Changes commits, refs and HEAD at random. */
  step(): Promise<void>
}

export interface RepositoryShape {
  /** One number makes the same repository again. */
  readonly seed: number
  readonly format: 'sha1' | 'sha256'
}

// Bytes, one a character. Some can only be a ref when another, of which they are a part, is not.
const PIECES = [
  'main',
  'dev',
  'a',
  'b',
  'v1',
  'caf\xe9',
  'caf\xe8',
  '\xc3\xa9',
  'e\xcc\x81',
  '\xff',
  "it's",
  '$(x)',
  '-n',
  '%41',
]
const SPACES = ['refs/heads', 'refs/heads', 'refs/heads', 'refs/tags', 'refs/pull', 'refs/notes']
const ALIASES = ['refs/heads/alias', 'refs/remotes/origin/HEAD']

/** Makes a repository at `path`, which must not exist; it has no ref before the first step. */
export async function createRandomRepository(
  path: string,
  { seed, format }: RepositoryShape,
): Promise<RandomRepository> {
  await runChild('git', ['init', '-q', '--bare', '--template=', `--object-format=${format}`, '-b', 'main', path])
  const random = createRandom(seed)
  const state: State = { path, random, refs: new Map(), commits: [], tags: new Map(), made: 0 }
  return {
    async step() {
      for (let count = 1 + random(5); count > 0; count--) await changeRef(state)
      writeRefs(state)
      await writeAlias(state)
      await writeHead(state)
      await git(state, ['update-server-info'])
    },
  }
}

interface State {
  readonly path: string
  readonly random: (below: number) => number
  readonly refs: Map<string, string>
  readonly commits: string[]
  /** Annotated tags: id → commit. */
  readonly tags: Map<string, string>
  made: number
}

async function changeRef(state: State): Promise<void> {
  const { random, refs } = state
  const existing = [...refs.keys()]
  const old = existing[random(existing.length)]
  const act = old === undefined ? 0 : random(8)
  if (act <= 1) return putRef(state, randomName(state), await makeCommit(state))
  if (act === 2) return putRef(state, old!, await makeCommit(state, refs.get(old!)))
  // A forced push, to something older or to another history.
  if (act === 3) return putRef(state, old!, state.commits[random(state.commits.length)]!)
  if (act === 4) return void refs.delete(old!)
  if (act === 5) {
    const id = refs.get(old!)!
    refs.delete(old!)
    return putRef(state, randomName(state), id)
  }
  if (act === 6) return putRef(state, `refs/tags/t${random(4)}`, await makeTag(state, refs.get(old!)!))
  return putRef(state, `${old}/${PIECES[random(PIECES.length)]}`, refs.get(old!)!)
}

function putRef({ refs, tags }: State, name: string, id: string): void {
  for (const other of refs.keys()) if (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)) refs.delete(other)
  // git lets nobody fetch a branch that is a tag.
  refs.set(name, name.startsWith('refs/heads/') ? (tags.get(id) ?? id) : id)
}

function randomName({ random }: State): string {
  const deep = random(3) === 0 ? `${PIECES[random(PIECES.length)]}/` : ''
  return `${SPACES[random(SPACES.length)]}/${deep}${PIECES[random(PIECES.length)]}`
}

async function makeCommit(state: State, parent?: string): Promise<string> {
  const blob = await git(state, ['hash-object', '-w', '--stdin'], `content ${++state.made}\n`)
  const tree = await git(state, ['mktree'], `100644 blob ${blob}\tfile\n`)
  // The parent may be a tag.
  const parents = parent === undefined ? [] : ['-p', `${parent}^{commit}`]
  const commit = await git(state, [...IDENTITY, 'commit-tree', '-m', `change ${state.made}`, ...parents, tree])
  state.commits.push(commit)
  return commit
}

async function makeTag(state: State, id: string): Promise<string> {
  const commit = state.tags.get(id) ?? id
  const text = `object ${commit}\ntype commit\ntag t\ntagger a <a@example.org> 1500000000 +0000\n\n${++state.made}\n`
  const tag = await git(state, ['hash-object', '-t', 'tag', '-w', '--stdin'], text)
  state.tags.set(tag, commit)
  return tag
}

const IDENTITY = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']

async function git({ path }: State, args: readonly string[], stdin?: string): Promise<string> {
  return (await runChild('git', [`--git-dir=${path}`, ...args], stdin === undefined ? {} : { stdin })).trim()
}

/** All packed: names of files would be UTF-8. */
function writeRefs({ path, refs }: State): void {
  const lines = [...refs].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, id]) => `${id} ${name}\n`)
  writeFileSync(join(path, 'packed-refs'), `# pack-refs with: sorted \n${lines.join('')}`, 'latin1')
}

async function writeAlias({ path, random, refs, tags }: State): Promise<void> {
  for (const alias of ALIASES) rmSync(join(path, alias), { force: true })
  const alias = ALIASES[random(4)]
  const ascii = [...refs].flatMap(([name, id]) => (/^[ -~]*$/.test(name) && !tags.has(id) ? [name] : []))
  const target = ascii[random(ascii.length)]
  if (alias === undefined || target === undefined || [...refs.keys()].some((name) => alias.startsWith(`${name}/`)))
    return
  mkdirSync(dirname(join(path, alias)), { recursive: true })
  writeFileSync(join(path, alias), `ref: ${target}\n`)
}

async function writeHead(state: State): Promise<void> {
  const { path, random, refs } = state
  const branches = [...refs.keys()].filter((name) => name.startsWith('refs/heads/'))
  const kind = random(6)
  const branch = branches[random(branches.length)]
  const text =
    kind === 0
      ? 'ref: refs/heads/none/yet'
      : kind === 1
        ? await makeCommit(state, state.commits.at(-1))
        : kind === 2
          ? state.commits[random(state.commits.length)]
          : branch && `ref: ${branch}`
  writeFileSync(join(path, 'HEAD'), `${text ?? 'ref: refs/heads/main'}\n`, 'latin1')
}

/** Whole numbers below a bound, by mulberry32. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return below <= 0 ? 0 : ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

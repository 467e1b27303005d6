// architecture.test.ts — The rules of the house, read from ARCHITECTURE.md and held against the code: who may import
// whom, how large a file may be, that the docs name what exists.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const sources = globSync('packages/*/src/**/*.{ts,vue}', { cwd: ROOT }).filter(
  (file) => !/\.test\.ts$|testing|conformance\.ts$|\.gen\.ts$/.test(file),
)

interface Rule {
  room: string
  allowed: string[]
  never: string[]
}

/** The rows of the import table: | `room` | may import | never |, words in backticks are checked. */
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

interface Import {
  file: string
  /** A package's name, `node:x`, or a path inside packages/. */
  target: string
}

function importsOf(file: string): Import[] {
  const text = read(file)
  const found = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
    ),
  ]
  return found.map((match) => {
    const name = (match[1] ?? match[2] ?? match[3])!
    return { file, target: name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), name)) : name }
  })
}

/** Whether a file lies in a room: `worker`, `worker/core`, `supervisor/edge/older-workers.ts`. */
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

describe('the import table of ARCHITECTURE.md', () => {
  const rules = importTable()

  test('names every room', () => {
    const rooms = new Set(globSync('packages/*/package.json', { cwd: ROOT }).map((path) => path.split('/')[1]!))
    for (const room of rooms)
      expect(
        rules.map((rule) => rule.room),
        `ARCHITECTURE.md has no row for ${room}`,
      ).toContain(room)
  })

  test.each(rules)('$room imports what it may, and nothing else', ({ room, allowed, never }) => {
    const strangers = sources
      .filter((file) => inRoom(file, room))
      .flatMap(importsOf)
      .filter(({ target, file }) => {
        // The more exact word decides: `runtime` never, `runtime/machine` yet.
        const best = (words: string[]) =>
          Math.max(
            -1,
            ...words.filter((word) => matches(target, file, word)).map((word) => (word === 'own' ? 0 : word.length)),
          )
        return best(allowed) < 0 || best(never) >= best(allowed)
      })
      .map(({ file, target }) => `${file} imports ${target}`)
    expect(strangers).toEqual([])
  })

  test('a package imports no other package’s inside but through its name', () => {
    const strangers = sources
      .flatMap(importsOf)
      .filter(
        ({ file, target }) =>
          target.startsWith('packages/') &&
          target.split('/')[1] !== file.split('/')[1] &&
          !target.endsWith('package.json'),
      )
    expect(strangers).toEqual([])
  })
})

test('a provider imports its own files and the http client, and the client knows no kind', () => {
  const client = new Set(
    [
      ...(
        read('ARCHITECTURE.md').split('the http client is everybody')[1]?.split('import only each other')[0] ?? ''
      ).matchAll(/`([\w-]+\.ts)`/g),
    ].map((match) => match[1]!),
  )
  expect(client.size).toBeGreaterThan(0)
  const room = 'packages/worker/src/providers/'
  const name = (path: string) => path.slice(room.length)
  const kindOf = (file: string) => /^(git|rsync|http)\b/.exec(file)?.[1]
  const strangers = sources
    .filter((file) => file.startsWith(room) && name(file) !== 'index.ts')
    .flatMap(importsOf)
    .filter(({ file, target }) => {
      if (!target.startsWith(room) || name(target) === 'provider.ts') return false
      return client.has(name(file))
        ? !client.has(name(target))
        : !client.has(name(target)) && kindOf(name(file)) !== kindOf(name(target))
    })
  expect(strangers).toEqual([])
})

describe('small rooms', () => {
  const all = globSync(['packages/*/{src,bin}/**/*.{ts,vue,js}', 'e2e/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'], {
    cwd: ROOT,
  }).filter((file) => !/\.gen\.ts$|dist/.test(file))

  test('no file is longer than 250 lines', () => {
    expect(all.filter((file) => read(file).split('\n').length > 251)).toEqual([])
  })

  test('every file says first what lives in it', () => {
    // A component says it below its imports, where its script begins.
    const says = (file: string) =>
      file.endsWith('.vue') ? /^\/\/ /m.test(read(file).split('</script>')[0]!) : /^(#!.*\n)?\/\/ /.test(read(file))
    const silent = all.filter((file) => !file.endsWith('.test.ts') && !says(file))
    expect(silent).toEqual([])
  })

  test('no room is deeper than two', () => {
    expect(sources.filter((file) => file.split('/').length > 6)).toEqual([])
  })

  test('only the rooms that run programs start child processes', () => {
    const starters = sources.filter((file) => /from 'node:child_process'/.test(read(file)))
    expect(starters.sort()).toEqual(
      importTable()
        .find((rule) => rule.room === 'node:child_process')
        ?.allowed.sort() ?? expect.anything(),
    )
  })
})

describe('the documents', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: ROOT })]

  test.each(documents)('%s links to what exists', (document) => {
    const links = [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1]!,
    )
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(document), link)))).toEqual([])
  })

  test.each(documents)('%s names files that exist', (document) => {
    const named = [...read(document).matchAll(/`((?:packages|e2e|bench|scripts|examples|docs)\/[\w./-]+\.\w+)`/g)].map(
      (match) => match[1]!,
    )
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  test('the generated references are what the code says now', () => {
    const check = spawnSync(process.execPath, [join(ROOT, 'scripts', 'docs.ts'), '--check'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    expect([check.status, check.stdout + check.stderr]).toEqual([0, expect.anything()])
  })

  test('README gives both commands in its first screen', () => {
    const first = read('README.md').split('\n').slice(0, 40).join('\n')
    expect(first).toContain('npm ci && npm start')
    expect(first).toContain('npm ci && npm test')
  })
})

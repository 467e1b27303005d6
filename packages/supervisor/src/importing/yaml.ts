// yaml.ts — Reads text as YAML: every value as text, with its line. What cannot be read is said with file and line,
// and without what stands there: it may be a secret. Pure.
import { isMap, isScalar, LineCounter, parseAllDocuments, type Document, type ErrorCode, type YAMLError } from 'yaml'
import { tableOf, type Table } from './imported.ts'

/** How many characters one text has at most. */
export const YAML_MAX = 65_536
/** How many times what aliases repeat may be written out. */
const ALIASES_MAX = 100

/** One document. */
export interface YamlDocument {
  /** Null: it cannot be read, or is no table. */
  readonly values: Table | null
  /** Why not. */
  readonly problem: string | null
  /** File and line of a key; without one those of the document. */
  placeOf(key?: string): string
}

const TOO_DEEP = 'it is nested too deeply'
const MEANINGS: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'a value that begins with * needs quotes; else it repeats a value that has a name, and there is none',
  BAD_INDENT: 'this line is indented otherwise than those around it, or a bracket before it is not closed',
  BAD_SCALAR_START: 'a value that begins with @, ` or % needs quotes',
  BAD_DQ_ESCAPE: 'there is a backslash in double quotes that means nothing',
  BLOCK_AS_IMPLICIT_KEY: 'there is a second colon in one line: the value needs quotes',
  DUPLICATE_KEY: 'a key is there twice',
  MISSING_CHAR: 'a quote, a bracket, a comma or a colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key has no colon behind it',
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAB_AS_INDENT: 'YAML is indented by spaces, and here is a tab',
  TAG_RESOLVE_FAILED: 'there is a tag (a word that begins with !) that is unknown',
  UNEXPECTED_TOKEN: 'something stands here that nothing leads to; a value that begins with * or & needs quotes',
}

/** The documents of a text; those that say nothing are left away. `file`: how messages call it. */
export function readYaml(text: string, file: string): YamlDocument[] {
  const whole = (problem: string): YamlDocument[] => [
    { values: null, problem: `${file}, line 1: ${problem}`, placeOf: () => `${file}, line 1` },
  ]
  if (text.length > YAML_MAX)
    return whole(`the text has ${text.length} characters; at most ${YAML_MAX} are read as YAML. Give it in parts`)
  const lines = new LineCounter()
  // What is missing at the end is missing in the last line that says something.
  const end = text.trimEnd().length
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      // Every value is text, so that 010 and on stay what they are.
      schema: 'failsafe',
      merge: true,
      prettyErrors: false,
      // It compares each key with each; `repeatedKey` does not.
      uniqueKeys: false,
      logLevel: 'silent',
    })
    const documents = 'empty' in parsed ? [] : parsed
    return documents
      .filter(({ contents, errors }) => errors.length > 0 || !isNothing(contents))
      .map((document) => readDocument(document, file, (offset) => lines.linePos(Math.min(offset, end)).line))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return whole(TOO_DEEP)
  }
}

const isNothing = (contents: unknown): boolean => contents === null || (isScalar(contents) && contents.value === '')

function readDocument(document: Document, file: string, lineAt: (offset: number) => number): YamlDocument {
  const { contents, errors } = document
  const items = isMap(contents) ? contents.items : []
  const start = lineAt(contents?.range?.[0] ?? document.range?.[0] ?? 0)
  const placeOf = (key?: string) => {
    const found = items.find((item) => isScalar(item.key) && item.key.value === key)
    const offset = isScalar(found?.key) ? found.key.range?.[0] : undefined
    return `${file}, line ${offset === undefined ? start : lineAt(offset)}`
  }
  const refused = (place: string, problem: string): YamlDocument => ({
    values: null,
    problem: `${place}: ${problem}`,
    placeOf,
  })
  const [error] = errors
  if (error) return refused(`${file}, line ${lineAt(error.pos[0])}`, meaningOf(error))
  if (!isMap(contents)) return refused(placeOf(), 'a table of keys and values is expected here')
  const repeated = repeatedKey(items.map(({ key }) => (isScalar(key) ? String(key.value) : null)))
  if (repeated !== null) return refused(placeOf(repeated), 'a key is there twice')
  try {
    const values = tableOf(document.toJS({ maxAliasCount: ALIASES_MAX }))
    return { values, problem: null, placeOf }
  } catch {
    // The library throws errors of several classes here, for aliases and merges alone.
    return refused(placeOf(), `its aliases (*) or merges (<<) lead nowhere, or repeat more than ${ALIASES_MAX} values`)
  }
}

const meaningOf = ({ code }: YAMLError): string => MEANINGS[code] ?? 'this is not YAML'

function repeatedKey(keys: readonly (string | null)[]): string | null {
  const seen = new Set<string>()
  for (const key of keys) {
    if (key === null) continue
    if (seen.has(key)) return key
    seen.add(key)
  }
  return null
}

// formats.ts — Lists that upstreams publish of all they have, line by line: the fullfiletimelist of Fedora, Rocky Linux
// and EPEL, and what `ls -lR` prints, as in ls-lR.gz of Debian and GNU. Names are bytes, one to a character. Pure.
import { RESERVED } from '../../names.ts'

/** A list that cannot be used; the message is a clause for the report. */
export class ListProblem extends Error {}

/** One line for each entry: path, a NUL, kind (f, d or l) and size, a NUL, and what else tells a change. */
export type EntryLine = string

/** Reads the lines of one list. Throws ListProblem. */
export interface ListParser {
  /** The entry of a line; null: it has none that is mirrored. */
  read(line: string): EntryLine | null
  /** Called after the last line. */
  end(): void
}

/** The parser for a list that begins with this line. Throws ListProblem. */
export function parserFor(first: string): ListParser {
  if (first === '[Version]') return timeListParser()
  if (HEADER.test(first)) return longListParser(first)
  throw new ListProblem('it is neither a fullfiletimelist nor what ls -lR prints')
}

/** What an entry line says. */
export interface ListEntry {
  readonly path: string
  readonly kind: string
  readonly size: number
}

/** Takes an entry line apart. */
export function entryOf(line: EntryLine): ListEntry {
  const end = line.indexOf('\0')
  const next = line.indexOf('\0', end + 1)
  return { path: line.slice(0, end), kind: line[end + 1]!, size: Number(line.slice(end + 2, next)) }
}

/** `time TAB kind TAB size TAB path`, in a section of its own. The time is the later one of change and of status. */
function timeListParser(): ListParser {
  let section = 'Version'
  let ended = false
  return {
    read(line) {
      const name = /^\[(.+)\]$/.exec(line)?.[1]
      if (name !== undefined) {
        ended ||= section === 'Files'
        section = name
        return null
      }
      if (section !== 'Files' || line === '') return null
      const [time, type, size, ...path] = line.split('\t')
      if (!/^\d+$/.test(time ?? '') || !/^[fdl]\W?$/.test(type ?? '') || !/^\d+$/.test(size ?? ''))
        throw new ListProblem(`one of its lines is not understood: ${line.slice(0, 100)}`)
      return entryLine(path.join('\t'), { kind: type![0]!, size: size!, sign: `${time} ${type}` })
    },
    end() {
      if (!ended) throw new ListProblem('its end is missing')
    },
  }
}

const HEADER = /^(?:\.|\.\/[^\n]+|[/\w][^\n]*):$/
const MODE = '(([-dlbcps])[-rwxsStT]{9})[.+@]?'
const DATE =
  '[A-Z][a-z]{2} +\\d{1,2} +(?:\\d{4}|\\d{2}:\\d{2})|\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}(?::[\\d.]+ [-+]\\d{4})?'
const ENTRY = new RegExp(`^${MODE} +\\d+ +\\S+ +\\S+ +(\\d+) +(${DATE}) ([^\\n]+)$`)

/** Folders with their entries. A list that was cut off lacks some of the folders that it names. */
function longListParser(first: string): ListParser {
  const root = first.slice(0, -1)
  let folder: string | null = null
  let blank = true
  const named = { folders: 1, sections: 0 }
  const open = (header: string) => {
    if (header !== root && !header.startsWith(root.endsWith('/') ? root : `${root}/`))
      throw new ListProblem(`a folder in it is not below ${root}: ${header.slice(0, 100)}`)
    folder = header === root ? '' : `${header.slice(root.length).replace(/^\/+/, '')}/`
    named.sections++
  }
  const entry = (line: string): EntryLine | null => {
    const [, mode, kind, size, date, name] = ENTRY.exec(line) ?? []
    if (kind === undefined) {
      if (/^total \d+|^[bcps]/.test(line)) return null
      throw new ListProblem(`one of its lines is not understood: ${line.slice(0, 100)}`)
    }
    if (kind === 'd') named.folders += name === '.' || name === '..' ? 0 : 1
    if (kind === '-' || kind === 'd')
      return entryLine(`${folder}${name}`, { kind: kind === '-' ? 'f' : 'd', size: size!, sign: `${mode} ${date}` })
    if (kind !== 'l') return null
    const [own = '', target = ''] = splitOnce(name!, ' -> ')
    return entryLine(`${folder}${own}`, { kind, size: size!, sign: `${date} ${target}` })
  }
  return {
    read(line) {
      if (line === '') {
        blank = true
        return null
      }
      if (blank && line.endsWith(':') && !ENTRY.test(line)) {
        blank = false
        open(line.slice(0, -1))
        return null
      }
      blank = false
      if (folder === null) throw new ListProblem('it does not begin with a folder')
      return entry(line)
    },
    end() {
      if (named.sections !== named.folders)
        throw new ListProblem(`it names ${named.folders} folders and shows ${named.sections}: it is not whole`)
    },
  }
}

function splitOnce(text: string, by: string): string[] {
  const at = text.indexOf(by)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + by.length)]
}

/** Null for the top itself, and for what is never mirrored. */
function entryLine(
  written: string,
  { kind, size, sign }: { kind: string; size: string; sign: string },
): EntryLine | null {
  const path = written.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '')
  if (path === '' || path === '.') return null
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part === RESERVED.rsync)) return null
  if (path.includes('\0')) return null
  // A folder's size says nothing of it.
  return `${path}\0${kind}${kind === 'd' ? '0' : size}\0${sign}`
}

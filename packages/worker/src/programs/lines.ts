// lines.ts — Turns a program's raw output into clean, bounded lines. Pure; knows no processes and no logs.
import { StringDecoder } from 'node:string_decoder'
import { nameOfBytes } from '../names.ts'

/** Longest line kept, in UTF-16 units; the rest of a longer one is dropped. */
export const LINE_MAX = 8192
/** What shows where something was cut off; what masks secrets looks at both sides of it. */
export const CUT = '…'

// Output comes from strangers: an escape sequence must not reach a terminal, a log reader or a page.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** One line without C0 and C1 control characters; a tab stays. */
export function cleanLine(line: string): string {
  return line.replace(CONTROL, '').trimEnd()
}

export interface LineSplitter {
  write(chunk: Buffer): void
  /** Emits what follows the last line end. */
  end(): void
}

/**
 * Calls `onLine` for each non-empty line; both `\n` and `\r` end one. With `thin`, what a `\r` overwrites within one
 * chunk is dropped, as on a terminal: of a burst of progress only the last counts. `raw` is the line with the control
 * characters that were taken out of it. With `exact`, bytes that are not UTF-8 are carried as names.ts does.
 */
export function createLineSplitter(
  onLine: (line: string, raw: string) => void,
  { thin = false, exact = false }: { thin?: boolean; exact?: boolean } = {},
): LineSplitter {
  const decoder = new StringDecoder(exact ? 'latin1' : 'utf8')
  let rest = ''
  const emit = (line: string) => {
    if (line === '') return
    const text = exact ? nameOfBytes(Buffer.from(line, 'latin1')) : line
    const raw = line.length > LINE_MAX ? `${text.slice(0, LINE_MAX)}${CUT}` : text
    onLine(cleanLine(raw), raw)
  }
  const emitComplete = (text: string) => {
    const whole = rest + text
    const end = Math.max(whole.lastIndexOf('\n'), whole.lastIndexOf('\r'))
    rest = whole.slice(end + 1)
    const ended = end < 0 ? '' : whole.slice(0, end)
    if (thin) for (const line of ended.split('\n')) emit(lastDrawn(line))
    else for (const line of ended.split(/[\r\n]/)) emit(line)
    // Keeps one unit more than the limit, so that emit still sees that the line was too long.
    if (rest.length > LINE_MAX) rest = rest.slice(0, LINE_MAX + 1)
  }
  return {
    write: (chunk) => emitComplete(decoder.write(chunk)),
    end: () => {
      emitComplete(decoder.end())
      emit(rest)
      rest = ''
    },
  }
}

/** What a terminal would show of a line that was drawn over itself. */
function lastDrawn(line: string): string {
  const shown = line.endsWith('\r') ? line.slice(0, -1) : line
  return shown.slice(shown.lastIndexOf('\r') + 1)
}

/** Keeps the last lines that fit into `maxBytes` of UTF-16 units. */
export function createTail(maxBytes: number): { add(line: string): void; text(): string } {
  let lines: string[] = []
  let size = 0
  return {
    add(line) {
      lines.push(line)
      size += line.length + 1
      if (size > maxBytes * 2) {
        lines = fit(lines, maxBytes)
        size = lines.reduce((sum, kept) => sum + kept.length + 1, 0)
      }
    },
    text: () => fit(lines, maxBytes).join('\n'),
  }
}

function fit(lines: readonly string[], maxBytes: number): string[] {
  const kept: string[] = []
  let room = maxBytes
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index] ?? ''
    if (line.length + 1 > room) {
      if (kept.length === 0) kept.push(`${CUT}${line.slice(1 - room)}`)
      break
    }
    kept.push(line)
    room -= line.length + 1
  }
  return kept.reverse()
}

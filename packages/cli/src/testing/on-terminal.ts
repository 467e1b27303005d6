// testing/on-terminal.ts — Runs one command line as a program on a real terminal, and types into it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const MAIN = join(import.meta.dirname, '..', 'main.ts')

/** What a terminal showed in the end, and the exit code. */
export interface Shown {
  readonly code: number | null
  readonly text: string
}

/** Runs `kagami` with these words on a terminal of script(1). Types `typed` when the text in `when` is shown. */
export async function runOnTerminal(
  line: string,
  { env, when, typed }: { env: Readonly<Record<string, string>>; when: string; typed: string },
): Promise<Shown> {
  const child = spawn(
    'script',
    ['--quiet', '--return', '--command', `'${process.execPath}' '${MAIN}' ${line}`, '/dev/null'],
    {
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  let text = ''
  let asked = false
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (asked || !text.includes(when)) return
    asked = true
    child.stdin.write(`${typed}\n`)
  })
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve))
  return { code, text: stripVTControlCharacters(text).replaceAll('\r\n', '\n') }
}

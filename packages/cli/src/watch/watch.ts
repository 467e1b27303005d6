// watch.ts — --watch of lists and of status: the same command again and again, drawn in place on a terminal; for
// programs what has changed, one JSON value a line.
import { ConfigError } from '@kagami/runtime/config'
import { collectData, describeError, remark } from '../output.ts'
import { seconds } from '../numbers.ts'

const USUAL_SECONDS = 2
const LEAST_SECONDS = 0.5

/** Seconds between two looks. `given`: the value of --watch; true when it has none. Throws ConfigError. */
export function watchSeconds(given: string | true): number {
  if (given === true) return USUAL_SECONDS
  const wanted = seconds('--watch', given)
  if (wanted < LEAST_SECONDS) throw new ConfigError(`--watch: at least ${LEAST_SECONDS} seconds, not ${given}`)
  return wanted
}

/**
 * Runs a command until the program is ended. An error of the first time ends it; later ones are shown while the last
 * picture stays, and it is tried again.
 */
export async function watch(run: () => Promise<void>, everySeconds: number): Promise<never> {
  const onTerminal = process.stdout.isTTY
  let last = await collectData(run)
  if (onTerminal) process.stdout.write('\u001b[2J')
  show(last, { onTerminal, note: '' })
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, everySeconds * 1000))
    let note = ''
    const now = await collectData(run).catch((error: unknown) => {
      note = `${describeError(error)}; what is shown is older`
      return last
    })
    if (onTerminal) show(now, { onTerminal, note })
    else if (note !== '') remark(note)
    else if (now !== last) show(now, { onTerminal, note })
    last = now
  }
}

function show(text: string, { onTerminal, note }: { onTerminal: boolean; note: string }): void {
  if (!onTerminal) return void process.stdout.write(text)
  const lines = text.trimEnd().split('\n')
  const room = Math.max(1, (process.stdout.rows || 24) - 2)
  const shown = lines.length > room ? [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`] : lines
  const all = note === '' ? shown : [...shown, note]
  // From the top, each line to its end, then what is left below: nothing flickers.
  process.stdout.write(`\u001b[H${all.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`)
}

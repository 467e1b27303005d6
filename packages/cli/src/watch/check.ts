// check.ts — kagami check: the fleet in one line, as Nagios, Icinga and their like read it.
import { healthOrder, type Summary } from '@kagami/protocol'
import type { Command } from 'commander'
import { explainError, printJson, setExitCode, writeData } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { chosenOf } from '../words.ts'
import { apiCommand } from '../commands/api.ts'

/** The exit codes of https://www.monitoring-plugins.org/doc/guidelines.html: not those of the other commands. */
const EXIT = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 }
type Verdict = keyof typeof EXIT

/** What is counted beside the healths of replicas. */
const OTHERS = ['silent', 'pending', 'disk', 'nats']
const COUNTED = { words: [...healthOrder, ...OTHERS], noun: 'word that is counted' }
/** How it is said of what is not a state of replicas. */
const NAMES: Readonly<Record<string, string>> = {
  silent: 'worker silent',
  pending: 'worker pending',
  disk: 'disk full soon',
  nats: 'NATS not reached',
}
const WARNING = 'held,failed,stale,stuck,silent,disk'
const CRITICAL = 'nats'

type Options = ApiOptions & { warning: string; critical: string }

/** Adds `check`. */
export function addCheck(program: Command): void {
  apiCommand<Options>(program, 'check', 'the fleet in one line, for Nagios and Icinga', async ({ client, options }) => {
    try {
      const warning = chosenOf('--warning', options.warning, COUNTED)
      const critical = chosenOf('--critical', options.critical, COUNTED)
      report(judge(await client.call('summary'), { warning, critical }), options)
    } catch (error) {
      report({ verdict: 'UNKNOWN', text: explainError(error), counts: {} }, options)
    }
  })
    .option('--warning <WORDS>', 'what is a warning, separated by commas', WARNING)
    .option('--critical <WORDS>', 'what is critical', CRITICAL)
    .addHelpText(
      'after',
      `
Words: ${healthOrder.join(', ')}: a replica is;
  silent: a worker is; pending: one waits for approval; disk: one is full soon;
  nats: the supervisor does not reach it.
Exit codes, as such programs expect them, and unlike other commands:
  0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (nobody could be asked)

Examples:
  kagami check
  kagami check --critical failed,stale,nats --warning late,silent,disk`,
    )
}

interface Judgement {
  readonly verdict: Verdict
  readonly text: string
  readonly counts: Readonly<Record<string, number>>
}

/** What follows a bar are numbers to such programs: there is none in the words. */
function report({ verdict, text: words, counts }: Judgement, { json }: ApiOptions): void {
  const text = words.replaceAll('|', '/')
  const numbers = Object.entries(counts).map(([word, count]) => `${word}=${count}`)
  if (json) printJson({ verdict, text, counts })
  else writeData(`${[`KAGAMI ${verdict} - ${text}`, ...(numbers.length > 0 ? [numbers.join(' ')] : [])].join(' | ')}\n`)
  setExitCode(EXIT[verdict])
}

/** The worst of what is counted, and all that is wrong in words. */
function judge(summary: Summary, words: { warning: readonly string[]; critical: readonly string[] }): Judgement {
  const counts = countsOf(summary)
  const wrong = (list: readonly string[]) => list.filter((word) => (counts[word] ?? 0) > 0)
  const [critical, warning] = [wrong(words.critical), wrong(words.warning)]
  const verdict: Verdict = critical.length > 0 ? 'CRITICAL' : warning.length > 0 ? 'WARNING' : 'OK'
  const said = [...new Set([...critical, ...warning])].map((word) => sayCount(word, counts[word]!))
  return { verdict, text: said.join(', ') || `${counts['fresh'] ?? 0} of ${summary.replicas_total} fresh`, counts }
}

const sayCount = (word: string, count: number): string =>
  word === 'nats' ? NAMES['nats']! : `${count} ${NAMES[word] ?? word}`

const countsOf = ({ health_counts, workers, disks, nats }: Summary): Record<string, number> => ({
  ...Object.fromEntries(healthOrder.map((health) => [health, health_counts[health] ?? 0])),
  silent: workers.lost,
  pending: workers.pending,
  disk: disks?.full_soon ?? 0,
  nats: nats.connected ? 0 : 1,
})

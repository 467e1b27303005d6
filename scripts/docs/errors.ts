// errors.ts — docs/errors.md: every refusal and every reason for a failed sync, from protocol/errors.ts.
import { errors, failures } from '@kagami/protocol'
import { exitCodesInWords } from '../../packages/cli/src/exit-codes.ts'
import { code, GENERATED, table } from './markdown.ts'

const RETRY: Readonly<Record<string, string>> = {
  soon: 'soon, with growing pauses',
  interval: 'at its next interval',
  never: 'not before somebody acts',
}

/** The page. */
export function errorReference(): string {
  const refusals = Object.entries(errors).map(([name, entry]) => [
    code(name),
    String(entry.status),
    String(entry.exit),
    entry.meaning,
    entry.hint,
  ])
  const reasons = Object.entries(failures).map(([name, entry]) => [
    code(name),
    entry.meaning,
    entry.hint,
    RETRY[entry.retry] ?? entry.retry,
  ])
  const parts = [
    '# Errors',
    GENERATED,
    '## Refusals',
    'The supervisor refuses a request. Over HTTP: `{"error": {"code", "message", "hint", "field", ' +
      '"request_id"}}`. On the command line: message and hint on stderr (as JSON with `--json`), and the exit code.',
    table(['code', 'HTTP', 'exit', 'meaning', 'what to do'], refusals),
    `All exit codes: ${exitCodesInWords()}.`,
    '## Failures',
    'A sync did not succeed. The reason is in the report, in the API (`last_sync.reason`), in the metric ' +
      '`kagami_syncs_total{reason}` and in the log of the sync. "Soon" is `retry_secs` after the end, 15 s ' +
      'unless set, then twice as long each time up to about an hour (each ± 50 %, so that the retries of a fleet ' +
      'are spread), ' +
      'and never later than the next interval. A replica without an interval is not retried automatically.',
    table(['reason', 'meaning', 'what to do', 'retried'], reasons),
  ]
  return `${parts.join('\n\n')}\n`
}

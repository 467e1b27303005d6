// trace.ts — The option probe: one small file of an upstream that changes whenever anything of it does, such as the
// trace files of distributions. Which file it may be, and what of it is compared. No requests.
import { createHash } from 'node:crypto'
import type { Trace } from '../provider.ts'
import Type from 'typebox'

/** Largest file that is taken for a trace, bytes. */
export const TRACE_MAX_BYTES = 1024 * 1024

/** A relative path without folders above, and without what rsync or a URL would read as more than a name. */
const PATH = '^(?!/)(?!(.*/)?\\.\\.?(/|$))(?!.*//)[^\\u0000-\\u001f\\u007f\\\\*?\\[\\]#%]*(?<!/)$'

/** The schema of the option. */
export const probeOption = Type.String({
  default: '',
  maxLength: 1024,
  pattern: PATH,
  description:
    'Path of a file below the upstream that changes whenever anything there does ("project/trace/master", ' +
    '"lastupdate"). While it stays the same nothing is listed, except once a day. Empty: always list',
})

/** The schema of the option of rsync. */
export const listOption = Type.String({
  default: '',
  maxLength: 1024,
  pattern: PATH,
  description:
    'Path of the list that the upstream publishes of all it has: a fullfiletimelist ("fullfiletimelist-fedora"), or ' +
    'what ls -lR prints ("ls-lR.gz"). What differs from the list before is all that a sync looks at, except once a ' +
    'day. Empty: always look at everything',
})

/** What is compared of a trace that was read. `modified`: its time, as the upstream writes it. */
export function traceOf(content: Buffer, modified: string): Trace {
  const digest = createHash('sha256').update(content).digest('hex')
  return { option: 'probe', sign: `${digest} ${modified}`, bytes: content.length }
}

/** The upstream has no such file, or none that could be a trace. */
export const NO_TRACE: Trace = { option: 'probe', sign: null, bytes: 0 }

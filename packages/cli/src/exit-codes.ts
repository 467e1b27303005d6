// exit-codes.ts — What the exit codes of the command line mean. Those of refusals are in the errors of the protocol.

/** Exit codes and their meaning. */
export const exitCodes: Readonly<Record<number, string>> = {
  0: 'ok',
  1: 'failed',
  2: 'usage',
  3: 'not found',
  4: 'not signed in',
  5: 'wrong state',
  6: 'supervisor or worker unreachable',
  7: 'timeout',
  8: 'some of many failed',
  9: 'a worker that is waited for is silent',
}

const inWords = Object.entries(exitCodes).map((pair) => pair.join(' '))

/** All of them on one line. */
export const exitCodesInWords = (): string => inWords.join(', ')

/** All of them as the end of a help text, in lines of 80 columns. */
export function exitCodesAsHelp(): string {
  const lines = ['Exit codes:']
  for (const [index, words] of inWords.entries()) {
    const part = ` ${words}${index < inWords.length - 1 ? ',' : ''}`
    if ((lines.at(-1) + part).length > 80) lines.push(' '.repeat(11) + part)
    else lines[lines.length - 1] += part
  }
  return lines.join('\n')
}

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

/** All of them on one line. */
export function exitCodesInWords(): string {
  return Object.entries(exitCodes)
    .map((pair) => pair.join(' '))
    .join(', ')
}

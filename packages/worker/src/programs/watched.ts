// watched.ts — Looks at what the processes of a program move while it runs.
import type { RunOptions } from '../provider.ts'
import { movesOf } from './orphans.ts'

const EVERY_MS = 1000

/** A program whose processes carry a mark. */
export interface WatchedProgram<T> {
  readonly mark: string
  readonly onMoves: NonNullable<RunOptions['onMoves']>
  /** Ends it when it is aborted. */
  readonly signal: AbortSignal
  start(signal: AbortSignal): Promise<T>
}

/** Runs a program with `onMoves` called once a second. What that throws ends the program, and is thrown. */
export async function watchProgram<T>({ mark, onMoves, signal, start }: WatchedProgram<T>): Promise<T> {
  const own = new AbortController()
  const objections: unknown[] = []
  const look = () => {
    try {
      if (objections.length === 0) onMoves(movesOf(mark))
    } catch (error) {
      objections.push(error)
      own.abort('cancelled')
    }
  }
  const timer = setInterval(look, EVERY_MS)
  try {
    return await start(AbortSignal.any([signal, own.signal]))
  } catch (error) {
    throw signal.aborted ? error : (objections[0] ?? error)
  } finally {
    clearInterval(timer)
  }
}

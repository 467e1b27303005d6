// useLog.ts — The log of a sync in pieces: its end first, earlier parts when asked for, new ones while it is written.
import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { isAborted, problemOf, type Problem } from '../../api.ts'
import { useLive } from '../../stores/live.ts'
import { byteLength, linesOf, PIECE, PIECE_MAX, pieceOf, wholeOf, type LogPiece } from './readLog.ts'

const POLL_MS = 1500

/** What is known of a log: `start` is the byte the first line begins at, `writing` that more will come. */
function createShown() {
  const [start, size, writing, loaded] = [ref(0), ref<number | null>(null), ref(false), ref(false)]
  const problem = ref<Problem | null>(null)
  const took = (piece: LogPiece): void => {
    size.value = piece.size
    writing.value = piece.running
    problem.value = null
    loaded.value = true
  }
  const missed = (error: unknown): void => {
    if (!isAborted(error)) problem.value = problemOf(error)
  }
  return {
    lines: shallowRef<readonly string[]>([]),
    problem,
    start,
    size,
    writing,
    loaded,
    took,
    missed,
    stop: new AbortController(),
  }
}

/** Lines of the log of `syncId`, read until nothing is written any more. */
export function useLog(syncId: string) {
  const shown = createShown()
  const { lines, start } = shown
  const reader = { syncId, signal: shown.stop.signal }
  let text = ''
  let next = 0
  let timer = 0
  let reading = false
  const again = (ms: number): void => void (timer = window.setTimeout(() => void read(), ms))

  async function read(): Promise<void> {
    if (reading) return
    window.clearTimeout(timer)
    const first = !shown.loaded.value
    reading = true
    const got = await pieceOf(reader, first ? -PIECE : next, PIECE).catch(missed)
    reading = false
    if (!got) return
    text += got.text
    next = got.next
    shown.took(got)
    if (first) start.value = Math.max(0, next - byteLength(got.text))
    if (got.text !== '') lines.value = linesOf(text)
    const behind = next < got.size && got.text !== ''
    if (behind || got.running) again(behind ? 0 : POLL_MS)
  }
  /** Reads the part before what is shown; how many lines that added. */
  async function earlier(): Promise<number> {
    const from = Math.max(0, start.value - PIECE_MAX)
    const before = lines.value.length
    const got = await pieceOf(reader, from, start.value - from).catch(missed)
    if (!got) return 0
    text = got.text + text
    start.value = from
    lines.value = linesOf(text)
    return lines.value.length - before
  }
  function missed(error: unknown): void {
    shown.missed(error)
    if (!isAborted(error) && shown.loaded.value && shown.writing.value) again(POLL_MS * 4)
  }
  keepReading(read, () => {
    shown.stop.abort()
    window.clearTimeout(timer)
  })
  return { ...shown, read, earlier, whole: () => wholeOf(reader) }
}

/** Reads now and after each gap in the stream, until the component leaves. */
function keepReading(read: () => Promise<void>, stop: () => void): void {
  void read()
  watch(
    () => useLive().epoch,
    () => void read(),
  )
  onScopeDispose(stop)
}

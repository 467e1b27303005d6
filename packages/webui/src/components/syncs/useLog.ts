// useLog.ts — The log of a sync on screen: its end first, earlier parts on request, new ones while it is written.
import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { isAborted, problemOf, type Problem } from '../../api.ts'
import { useLive } from '../../stores/live.ts'
import { byteLength, linesOf, PIECE_BYTES, PIECE_MAX_BYTES, readPiece, readWholeLog, type LogPiece } from './readLog.ts'

const POLL_MS = 1500

/** What is shown of a log. */
function createLogState() {
  const state = {
    lines: shallowRef<readonly string[]>([]),
    problem: ref<Problem | null>(null),
    /** Offset of the first line shown, bytes. */
    start: ref(0),
    /** Size of the log, bytes; null until it is known. */
    size: ref<number | null>(null),
    /** Whether the log is still written. */
    writing: ref(false),
    loaded: ref(false),
  }
  const setPiece = (piece: LogPiece): void => {
    state.size.value = piece.size
    state.writing.value = piece.running
    state.problem.value = null
    state.loaded.value = true
  }
  return { state, setPiece }
}

/** The lines of the log of `syncId`, read until it is no longer written. */
export function useLog(syncId: string) {
  const { state, setPiece } = createLogState()
  const { lines, start, problem, loaded, writing } = state
  const abort = new AbortController()
  const request = { syncId, signal: abort.signal }
  let text = ''
  let next = 0
  let timer = 0
  let reading = false
  const readAfter = (ms: number): void => void (timer = window.setTimeout(() => void read(), ms))

  async function read(): Promise<void> {
    if (reading) return
    window.clearTimeout(timer)
    const first = !loaded.value
    reading = true
    const piece = await readPiece(request, first ? -PIECE_BYTES : next, PIECE_BYTES).catch(showError)
    reading = false
    if (!piece) return
    text += piece.text
    next = piece.next
    setPiece(piece)
    if (first) start.value = Math.max(0, next - byteLength(piece.text))
    if (piece.text !== '') lines.value = linesOf(text)
    const behind = next < piece.size && piece.text !== ''
    if (behind || piece.running) readAfter(behind ? 0 : POLL_MS)
  }
  /** Reads the part before what is shown. Returns how many lines it added. */
  async function readEarlier(): Promise<number> {
    const from = Math.max(0, start.value - PIECE_MAX_BYTES)
    const before = lines.value.length
    const piece = await readPiece(request, from, start.value - from).catch(showError)
    if (!piece) return 0
    text = piece.text + text
    start.value = from
    lines.value = linesOf(text)
    return lines.value.length - before
  }
  /** Reads all that is before what is shown, so that its lines have their numbers. Returns how many lines it added. */
  async function readAllEarlier(): Promise<number> {
    let added = 0
    while (start.value > 0) {
      const from = start.value
      added += await readEarlier()
      // It could not be read: the problem is shown.
      if (start.value === from) break
    }
    return added
  }
  function showError(error: unknown): void {
    if (isAborted(error)) return
    problem.value = problemOf(error)
    if (loaded.value && writing.value) readAfter(POLL_MS * 4)
  }
  readUntilRemoved(read, () => {
    abort.abort()
    window.clearTimeout(timer)
  })
  return { ...state, read, readEarlier, readAllEarlier, readWhole: () => readWholeLog(request) }
}

/** Reads now and after each gap in the stream, until the component is removed. */
function readUntilRemoved(read: () => Promise<void>, stop: () => void): void {
  void read()
  watch(
    () => useLive().epoch,
    () => void read(),
  )
  onScopeDispose(stop)
}

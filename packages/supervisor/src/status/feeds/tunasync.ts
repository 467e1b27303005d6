// tunasync.ts — Mirrors as the manager of tunasync lists its jobs, for front ends that were made for it. Pure.
import type { Mirror } from '../mirror.ts'

/** What never happened, in the words of Go. */
const NEVER = '0001-01-01 00:00:00 +0000'
const NEVER_SECONDS = -62_135_596_800
const UNITS = ['', 'K', 'M', 'G', 'T', 'P']

/** A job with the keys that tunasync gives it. */
export function jobOf(mirror: Mirror): object {
  const { name, upstream, succeededAt, startedAt, endedAt, dueAt, sizeBytes } = mirror
  return {
    name,
    is_master: true,
    status: statusOf(mirror),
    ...timesOf('last_update', succeededAt),
    ...timesOf('last_started', startedAt),
    ...timesOf('last_ended', endedAt ?? succeededAt),
    ...timesOf('next_schedule', dueAt),
    upstream: upstream ?? '',
    size: sizeBytes === null ? 'unknown' : sizeOf(sizeBytes),
  }
}

function statusOf({ state, isRunning }: Mirror): string {
  switch (state) {
    case 'ok':
    // The last sync succeeded: how long ago is for readers to judge.
    case 'late':
    case 'stale':
      return 'success'
    case 'syncing':
      return isRunning ? 'syncing' : 'pre-syncing'
    case 'failed':
    case 'paused':
      return state
    case 'unknown':
    case 'new':
      return 'none'
  }
}

function timesOf(key: string, instant: string | null): object {
  if (instant === null) return { [key]: NEVER, [`${key}_ts`]: NEVER_SECONDS }
  const date = new Date(instant)
  const text = `${date.toISOString().slice(0, 19).replace('T', ' ')} +0000`
  return { [key]: text, [`${key}_ts`]: Math.floor(date.getTime() / 1000) }
}

/** A size as `rsync -h` has it, in powers of 1000: `55.61G`. */
function sizeOf(bytes: number): string {
  let rest = bytes
  let unit = 0
  while (rest >= 1000 && unit < UNITS.length - 1) {
    rest /= 1000
    unit++
  }
  return unit === 0 ? String(rest) : `${rest.toFixed(2)}${UNITS[unit]}`
}

// mirrorz.ts — Mirrors in the format of mirrorz.org, version 1.7. Pure.
import { formatBytes } from '@kagami/protocol'
import type { Mirror } from '../mirror.ts'
import { urlOf } from '../snippets.ts'

/** What mirrorz says of a site, and that no logo, help or ISO images are listed. */
export function siteIn(url: string, title: string): object {
  return { version: 1.7, site: { url, abbr: title, name: title }, info: [] }
}

/** Names that sites of mirrorz agreed on, by names that some use. */
const AGREED: Readonly<Record<string, string>> = { 'debian-multimedia': 'deb-multimedia', 'rust-static': 'rustup' }

/** One mirror; its URL is relative to that of the site. */
export function mirrorzOf(mirror: Mirror): object {
  const { name, upstream, sizeBytes } = mirror
  return {
    cname: Object.hasOwn(AGREED, name) ? AGREED[name] : name,
    url: urlOf('', name),
    status: lettersOf(mirror),
    help: '',
    upstream: upstream ?? '',
    size: sizeBytes === null ? '' : formatBytes(sizeBytes),
  }
}

/**
 * The state in letters with Unix seconds: S synced, Y syncing since, D waiting, F failed, P paused, U unknown; X is the
 * next sync. With Y, D and F also O, the last success, without which readers rank a mirror last.
 */
function lettersOf(mirror: Mirror): string {
  const next = letter('X', mirror.dueAt, '')
  switch (mirror.state) {
    case 'ok':
    case 'late':
    case 'stale':
      return letter('S', mirror.succeededAt) + next
    case 'syncing': {
      const main = mirror.isRunning ? letter('Y', mirror.startedAt) : 'D'
      return main + letter('O', mirror.succeededAt, '') + next
    }
    case 'failed':
      return letter('F', mirror.endedAt) + letter('O', mirror.succeededAt, '') + next
    case 'paused':
      return letter('P', mirror.succeededAt)
    case 'unknown':
    case 'new':
      return `U${next}`
  }
}

/** A letter and the seconds of an instant; when that is not known, the letter or what is given in its place. */
function letter(name: string, instant: string | null, unknown = name): string {
  return instant === null ? unknown : `${name}${Math.floor(Date.parse(instant) / 1000)}`
}

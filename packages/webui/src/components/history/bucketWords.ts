// bucketWords.ts — What is known of one part of a history, as a state and as a sentence.
import { syncLooks, type HistoryBucket, type Look, type ReplicaHistory } from '@kagami/protocol'
import { useI18n } from 'vue-i18n'
import { bytes, count, took } from '../../format.ts'
import { usePrefs } from '../../stores/prefs.ts'

/** A look of which the words are shown. */
export type ShownLook = Pick<Look, 'glyph' | 'tone' | 'words'>

/** How a part looks: the worst of its syncs, none at all, or from a time that nothing is known of. */
export function lookOf(bucket: HistoryBucket, knownSince: string | null): ShownLook {
  if (!isKnown(bucket, knownSince)) return { glyph: '?', tone: 'quiet', words: 'history.unknown' }
  return bucket.worst ? syncLooks[bucket.worst] : { glyph: '·', tone: 'quiet', words: 'history.none' }
}

/** Whether anything is known of the time of a part. */
export function isKnown(bucket: HistoryBucket, knownSince: string | null): boolean {
  return knownSince !== null && Date.parse(bucket.to) > Date.parse(knownSince)
}

/** Whether parts are shorter than a day, so that the time of day belongs to their names. */
const isShort = ({ from, to }: { from: string; to: string }) => Date.parse(to) - Date.parse(from) < 86_400_000

/** Functions that put parts into words of the viewer's language. */
export function useBucketWords() {
  const { t, locale } = useI18n()
  const prefs = usePrefs()
  /** When a part begins: `3 Nov` or `3 Nov, 06:00`. */
  function nameOf(bucket: HistoryBucket): string {
    const time = isShort(bucket) ? ({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const) : {}
    const form = { month: 'short', day: 'numeric', timeZone: prefs.zone, ...time } as const
    return new Intl.DateTimeFormat(locale.value, form).format(Date.parse(bucket.from))
  }
  function countsOf(bucket: HistoryBucket): string[] {
    const parts = [t('history.syncs', { n: count(bucket.syncs, locale.value) }, bucket.syncs)]
    if (bucket.failures > 0) {
      const why = bucket.first_failure ? t(`reason.${bucket.first_failure}`) : ''
      const failed = t('history.failed', { n: count(bucket.failures, locale.value) })
      parts.push(why ? `${failed} (${why})` : failed)
    }
    if (bucket.held > 0) parts.push(t('history.held', { n: count(bucket.held, locale.value) }))
    if (bucket.other > 0) parts.push(t('history.other', { n: count(bucket.other, locale.value) }))
    if (bucket.p50_ms !== null) parts.push(t('history.p50', { t: took(bucket.p50_ms) }))
    if (bucket.bytes !== null) parts.push(t('history.received', { size: bytes(bucket.bytes) }))
    if (bucket.size_bytes !== null) parts.push(t('history.size', { size: bytes(bucket.size_bytes) }))
    return parts
  }
  function describe(bucket: HistoryBucket, { known_since }: ReplicaHistory): string {
    const known = isKnown(bucket, known_since)
    const facts = known && bucket.syncs > 0 ? countsOf(bucket).join(', ') : t(lookOf(bucket, known_since).words)
    return `${nameOf(bucket)}: ${facts}`
  }
  return { nameOf, describe }
}

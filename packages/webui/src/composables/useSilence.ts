// useSilence.ts — What is said of a sync that ran when its silent worker was last heard.
import { useI18n } from 'vue-i18n'
import { roughly } from '../format.ts'
import { useClock } from '../stores/clock.ts'

/** Makes these words; `since` is when the worker was last heard, null: that is not known. */
export function useSilence(): (since: string | null) => string {
  const { t } = useI18n()
  const clock = useClock()
  return (since) => (since === null ? t('sync.silent') : t('sync.silentFor', { t: roughly(clock.ageOf(since) / 1000) }))
}

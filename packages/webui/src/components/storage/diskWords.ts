// diskWords.ts — When a disk is full, and how much of it is used, in words.
import type { Disk, DiskForecast } from '@kagami/protocol'
import { useI18n } from 'vue-i18n'
import { bytes, NONE, percent } from '../../format.ts'

export interface DiskWords {
  /** `full in ~23 d (12–60)`, or why that is not said. */
  fullIn(forecast: DiskForecast): string
  /** The same in short, for a list: `~23 d`. */
  shortly(forecast: DiskForecast | null | undefined): string
  /** `+42 GiB`, `−2 GiB`. */
  signed(bytes: number | null): string
  /** `3.04 TiB of 4 TiB used`, of what may be used. */
  used(disk: Pick<Disk, 'used_bytes' | 'free_bytes'>): string
  /** `76%`, of what may be used. */
  share(disk: Pick<Disk, 'used_share'>): string
  /** Its name, and how many more workers have it. */
  nameOf(disk: Pick<Disk, 'name' | 'workers_total'>): string
}

/** The words about disks in the language of the viewer. */
export function useDiskWords(): DiskWords {
  const { t } = useI18n()
  return {
    fullIn({ verdict, days, from_days: from, to_days: to, known_days: have, needed_days: need }) {
      if (verdict === 'not_enough_data') return t('storage.notEnough', { have, need })
      if (verdict === 'not_growing') return t('storage.notGrowing')
      return t('storage.fullIn', { days: days ?? 0, from: from ?? 0, to: to ?? t('storage.never') })
    },
    shortly: (forecast) => (forecast?.verdict === 'full' ? t('storage.days', { n: forecast.days ?? 0 }) : NONE),
    signed(value) {
      if (value === null) return NONE
      return value < 0 ? `−${bytes(-value)}` : `+${bytes(value)}`
    },
    used: ({ used_bytes: used, free_bytes: free }) =>
      t('worker.diskUsed', { used: bytes(used), total: bytes(used + free) }),
    share: ({ used_share }) => percent(used_share, 1),
    nameOf: ({ name, workers_total: n }) => (n > 1 ? t('storage.shared', { name, n: n - 1 }) : name),
  }
}

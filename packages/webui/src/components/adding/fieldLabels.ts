// fieldLabels.ts — What the fields of the form of a replica are called, for a list of problems. Options are called by
// their keys.
import { t } from '../../locales/index.ts'

/** The labels by field. */
export const fieldLabels = (): Readonly<Record<string, string>> => ({
  upstream: t('add.upstream'),
  kind: t('add.kind'),
  name: t('add.name'),
  worker: t('add.workers'),
  interval: t('add.interval'),
  labels: t('add.labels'),
  auth: t('add.auth'),
  'options.cron': t('add.cronLine'),
  'options.timezone': t('add.zone'),
})

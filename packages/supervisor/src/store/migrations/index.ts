// index.ts — Every migration of the tables, in order. A released migration is never changed.
import type { Migration } from 'kysely'
import { first } from './0001-first.ts'
import { enrolment } from './0002-enrolment.ts'
import { order } from './0003-order.ts'
import { announcements } from './0004-announcements.ts'
import { figures } from './0005-figures.ts'
import { diskSamples } from './0006-disk-samples.ts'
import { bulk } from './0007-bulk.ts'
import { heldActions } from './0008-held-actions.ts'
import { access } from './0009-access.ts'
import { syncDays } from './0010-sync-days.ts'
import { incidents } from './0011-incidents.ts'

export const migrations: Record<string, Migration> = {
  '0001-first': first,
  '0002-enrolment': enrolment,
  '0003-order': order,
  '0004-announcements': announcements,
  '0005-figures': figures,
  '0006-disk-samples': diskSamples,
  '0007-bulk': bulk,
  '0008-held-actions': heldActions,
  '0009-access': access,
  '0010-sync-days': syncDays,
  '0011-incidents': incidents,
}

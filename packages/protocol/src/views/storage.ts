// storage.ts — Filesystems of workers: how full they are, when they will be, and what grows on them. What was not
// measured is null.
import Type, { type Static } from 'typebox'
import { Instant, Nullable, Presence, type Storage } from '../model.ts'

const Count = Type.Integer({ minimum: 0 })
const Days = Type.Integer({ minimum: 0, description: 'Days from now' })

/** Of how many days a forecast is made, and how many of them must have been measured. */
export const FORECAST_DAYS = 14
export const FORECAST_DAYS_MIN = 7
/** A disk needs attention when it is full in fewer days than this, or used by more than this share. */
export const FULL_SOON_DAYS = 14
export const NEARLY_FULL_SHARE = 0.95
/** The parts of the time of which one value is kept, ms: 6 hours, from midnight UTC on. */
export const DISK_PART_MS = 6 * 3_600_000

/** The number since 1970 of the part in which an instant lies, Unix ms. */
export const diskPartOf = (ms: number): number => Math.floor(ms / DISK_PART_MS)

/** When a disk is full, as far as its last 14 days tell. */
export const DiskForecast = Type.Object({
  verdict: Type.Enum(['full', 'not_growing', 'not_enough_data'], {
    description:
      'full: at its present growth it becomes full. not_growing: it shrinks, or would take more than 100 years. ' +
      'not_enough_data: fewer than 7 of the last 14 days were measured',
  }),
  days: Nullable({
    ...Days,
    description: 'Days from now until it is full, at the median growth; null: verdict is another',
  }),
  from_days: Nullable({ ...Days, description: 'The same at the growth that a tenth of what was measured exceeds' }),
  to_days: Nullable({
    ...Days,
    description: 'The same at the growth that nine tenths exceed; null: at that growth it never becomes full',
  }),
  bytes_per_day: Nullable(
    Type.Integer({ description: 'Median growth; below 0: it shrinks. null: not enough was measured' }),
  ),
  known_days: Type.Integer({ minimum: 0, maximum: 15, description: 'Whole days of the last 14 that were measured' }),
  needed_days: Type.Integer({ minimum: 0, description: 'How many are needed' }),
})
export type DiskForecast = Static<typeof DiskForecast>

/** A filesystem in short. Workers of one host that have their data_dir on the same one share it. */
export const Disk = Type.Object({
  disk_id: Type.String({ description: 'The first of the ids of its workers' }),
  name: Type.String({ description: 'The first of the names of its workers' }),
  workers_total: Count,
  total_bytes: Count,
  used_bytes: Count,
  free_bytes: Type.Integer({ minimum: 0, description: 'What its workers may still write' }),
  used_share: Type.Number({ minimum: 0, maximum: 1, description: 'used_bytes of used_bytes and free_bytes, as df' }),
  as_of: Instant,
  forecast: DiskForecast,
  full_soon: Type.Boolean({ description: 'It is full in fewer than 14 days, or more than 95 % of it are used' }),
})
export type Disk = Static<typeof Disk>

/** The disks of the fleet in short. */
export const DiskTotals = Type.Object({
  total: Count,
  full_soon: Count,
  worst: Type.Array(Disk, { maxItems: 5, description: 'Soonest full first, then the fullest' }),
})
export type DiskTotals = Static<typeof DiskTotals>

/** A replica on a disk, and by how much it grew. */
export const Grower = Type.Object({
  replica_id: Type.String(),
  name: Type.String(),
  worker_name: Type.String(),
  size_bytes: Count,
  grew_bytes: Nullable(
    Type.Integer({ description: 'By how much its copy grew since `since`; null: no sync of that time said its size' }),
  ),
  since: Nullable({ ...Instant, description: 'End of the first sync of the last 14 days that said its size' }),
  quota_bytes: Nullable({ ...Count, description: 'Its largest allowed size, quota_mib; null: it has no limit' }),
})
export type Grower = Static<typeof Grower>

/** A filesystem: its workers, its last 14 days, and what grew most on it. */
export const Filesystem = Type.Object({
  ...Disk.properties,
  hostname: Nullable(Type.String()),
  workers: Type.Array(Type.Object({ worker_id: Type.String(), name: Type.String(), presence: Presence }), {
    maxItems: 20,
    description: 'By name; the first 20',
  }),
  replicas_total: Count,
  replicas_measured: Type.Integer({ minimum: 0, description: 'How many of them have a known size' }),
  replicas_bytes: Type.Integer({ minimum: 0, description: 'Sum of the known sizes' }),
  history: Type.Object(
    {
      from: Instant,
      part_secs: Type.Integer({ minimum: 1 }),
      used_bytes: Type.Array(Nullable(Count), { maxItems: 60 }),
    },
    { description: 'Used bytes, the last of each part of 6 hours, oldest first; null: nothing was measured in it' },
  ),
  growers: Type.Array(Grower, {
    maxItems: 5,
    description:
      'The replicas that grew most in the last 14 days; then the largest of those of which that is not known',
  }),
})
export type Filesystem = Static<typeof Filesystem>

/** What may still be written, bytes: a filesystem may keep some for root, which is neither used nor free. */
export const roomOf = ({ total_bytes, used_bytes, available_bytes }: Storage): number =>
  available_bytes ?? Math.max(0, total_bytes - used_bytes)

/** What may be used in all, bytes: what is used, and what may still be written. */
export const usableOf = (storage: Storage): number => storage.used_bytes + roomOf(storage)

/** The share that is used of what may be used, 0 to 1, as df says it. */
export function usedShare(storage: Storage): number {
  const usable = usableOf(storage)
  return usable > 0 ? storage.used_bytes / usable : 0
}

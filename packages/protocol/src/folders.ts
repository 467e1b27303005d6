// folders.ts — Folders of a data_dir that belong to no replica: as a worker reports them, and as the API returns them.
import Type, { type Static } from 'typebox'
import { Instant, Nullable } from './model.ts'

/** Most folders that a worker names; how many there are is a number beside them. */
export const FOLDERS_MAX = 100

const Count = Type.Integer({ minimum: 0 })

/** A folder that belongs to no replica. */
export const Folder = Type.Object({
  name: Type.String({
    minLength: 1,
    maxLength: 1100,
    description: 'Its name in data_dir; bytes that are not UTF-8, and control characters, as `ls -b` writes them',
  }),
  bytes: Nullable(
    Type.Integer({
      minimum: 0,
      description:
        'Bytes on the disk, hard links counted once; null while they are not measured, and when a part cannot be read',
    }),
  ),
  files: Nullable(Count),
  mirrored: Nullable(
    Type.Object(
      {
        kind: Type.String({ maxLength: 64 }),
        upstream: Type.String({ maxLength: 2048 }),
        replica_id: Type.Optional(Type.String({ maxLength: 128 })),
      },
      { description: 'Of which upstream Kagami filled it; null when it was not Kagami, or is not known' },
    ),
  ),
})
export type Folder = Static<typeof Folder>

/** What a worker found when it looked. */
export const Folders = Type.Object({
  items: Type.Array(Folder, { maxItems: FOLDERS_MAX, description: 'The first of them, by name' }),
  total: Type.Integer({ minimum: 0, description: 'How many there are' }),
  looked_at: Instant,
})
export type Folders = Static<typeof Folders>

/** How many there are, and when the worker looked. */
export const FoldersSeen = Type.Object({ total: Count, looked_at: Instant })

/** What is known of the folders of a worker. */
export const WorkerFolders = Type.Object({
  items: Folders.properties.items,
  total: Nullable(
    Type.Integer({ minimum: 0, description: 'Null: the worker has not said yet, or is of an earlier version' }),
  ),
  looked_at: Nullable(Instant),
})
export type WorkerFolders = Static<typeof WorkerFolders>

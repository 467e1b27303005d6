// import.ts — What a text that declares replicas would change on a worker: each of them new, changed, the same or not
// possible.
import Type, { type Static } from 'typebox'
import { FieldChange, ReplicaPatch } from '../edits.ts'
import { Labels, Nullable, Options } from '../model.ts'

/** The configurations that are read. */
export const ImportFormat = Type.Enum(['worker.toml', 'tunasync', 'yuki'])
export type ImportFormat = Static<typeof ImportFormat>

/** The text, or the files, to read. */
export const ImportText = Type.Object({
  text: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 524_288,
      description:
        'worker.toml of Kagami, or a part of it with [[providers]]; worker.conf of tunasync; or repositories of ' +
        'Yuki, with a line of --- between one and the next',
    }),
  ),
  files: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ minLength: 1, maxLength: 255 }),
        text: Type.String({ maxLength: 65_536 }),
      }),
      { minItems: 1, maxItems: 5000, description: 'In place of text: the YAML files of Yuki, by their names' },
    ),
  ),
})
export type ImportText = Static<typeof ImportText>

/** One replica that the text declares. */
export const ImportRow = Type.Object({
  name: Type.String(),
  state: Type.Enum(['new', 'changed', 'same', 'unsupported'], {
    description: 'new: send `replica` to add it. changed: send `patch` to edit `replica_id`',
  }),
  replica: Nullable(
    Type.Object({
      name: Type.String(),
      kind: Type.String(),
      upstream: Type.String(),
      interval_secs: Nullable(Type.Integer({ minimum: 0 })),
      labels: Labels,
      options: Options,
    }),
  ),
  replica_id: Nullable(Type.String({ description: 'The replica of this name that is there' })),
  etag: Nullable(Type.String()),
  patch: Nullable(ReplicaPatch),
  changes: Type.Array(FieldChange),
  why: Nullable(Type.String({ description: 'Why it cannot be taken over' })),
  notes: Type.Array(Type.String(), { description: 'What is not taken over of it; credentials never are' }),
})
export type ImportRow = Static<typeof ImportRow>

/** Every replica of the text, in its order. Nothing was changed. */
export const ImportPlan = Type.Object({ format: ImportFormat, rows: Type.Array(ImportRow) })
export type ImportPlan = Static<typeof ImportPlan>

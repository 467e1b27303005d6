// settings.ts — What the supervisor runs with, and where each value comes from. No secret is in any of it.
import Type, { type Static } from 'typebox'
import { Nullable } from '../model.ts'

/** What a setting is about. */
export const SettingGroup = Type.Enum(['reach', 'workers', 'kept', 'access', 'status'])
export type SettingGroup = Static<typeof SettingGroup>

/** Where a value comes from; `none`: there is none. */
export const SettingSource = Type.Enum(['default', 'environment', 'flag', 'file', 'none'])
export type SettingSource = Static<typeof SettingSource>

/** A setting of the supervisor. */
export const Setting = Type.Object({
  key: Type.String(),
  variable: Type.String({ description: 'The environment variable that sets it' }),
  group: SettingGroup,
  secret: Type.Boolean({ description: 'Its value is in no answer; where it comes from says whether there is one' }),
  value: Nullable(
    Type.String({
      description: 'As one writes it, addresses without credentials; null: there is none, or it is secret',
    }),
  ),
  source: SettingSource,
})
export type Setting = Static<typeof Setting>

const Days = { minimum: 1, description: 'days' }

/** The settings of a supervisor, and how long it keeps things. */
export const Settings = Type.Object({
  settings: Type.Array(Setting),
  kept: Type.Object({
    history_days: Type.Integer({ ...Days, description: 'Days that syncs, bulk jobs and refused requests are kept' }),
    disk_samples_days: Type.Integer({ ...Days, description: 'Days that it is known how full disks were' }),
  }),
})
export type Settings = Static<typeof Settings>

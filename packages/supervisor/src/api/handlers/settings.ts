// settings.ts — What the supervisor runs with, under /api/v1. Each setting says here whether its value may be shown: a
// new one does not compile without.
import type { Setting, SettingGroup, Settings } from '@kagami/protocol'
import { DISK_DAYS, type SupervisorConfig, type SupervisorKeys } from '../../config.ts'
import type { Handlers } from './handler.ts'

type Key = keyof (typeof SupervisorKeys)['properties'] | 'nats_url'
/** Shown as it is; without credentials; not at all. */
type Shown = 'plain' | 'address' | 'secret'

const SETTINGS: Readonly<Record<Key, readonly [SettingGroup, Shown]>> = {
  http_addr: ['reach', 'plain'],
  public_url: ['reach', 'address'],
  allowed_hosts: ['reach', 'plain'],
  webui_dir: ['reach', 'plain'],
  auto_approve: ['workers', 'plain'],
  nats_url: ['workers', 'address'],
  nats_credentials: ['workers', 'plain'],
  history_days: ['kept', 'plain'],
  database_url: ['kept', 'address'],
  state_dir: ['kept', 'plain'],
  auth: ['access', 'plain'],
  api_token: ['access', 'secret'],
  session_hours: ['access', 'plain'],
  default_role: ['access', 'plain'],
  role_groups: ['access', 'plain'],
  oidc_issuer: ['access', 'address'],
  oidc_client_id: ['access', 'plain'],
  oidc_client_secret: ['access', 'secret'],
  oidc_scopes: ['access', 'plain'],
  oidc_name_claim: ['access', 'plain'],
  oidc_groups_claim: ['access', 'plain'],
  proxy_addresses: ['access', 'plain'],
  proxy_user_header: ['access', 'plain'],
  proxy_groups_header: ['access', 'plain'],
  status: ['status', 'plain'],
  status_title: ['status', 'plain'],
  status_notice: ['status', 'plain'],
  status_files_url: ['status', 'address'],
  status_dir: ['status', 'plain'],
}

export const settingHandlers: Pick<Handlers, 'settings'> = {
  settings: (_, { supervisor }) => settingsOf(supervisor.services.config),
}

/** The settings of a configuration, without any secret of it. */
export function settingsOf(config: SupervisorConfig): Settings {
  return {
    settings: (Object.keys(SETTINGS) as Key[]).map((key) => settingOf(config, key)),
    kept: { history_days: config.history_days, disk_samples_days: DISK_DAYS },
  }
}

function settingOf(config: SupervisorConfig, key: Key): Setting {
  const [group, shown] = SETTINGS[key]
  const value = key === 'nats_url' ? config.natsUrl : key === 'state_dir' ? config.stateDir : config[key]
  return {
    key,
    variable: key === 'nats_url' ? 'KAGAMI_NATS_URL' : `SUPERVISOR_${key.toUpperCase()}`,
    group,
    secret: shown === 'secret',
    value: shown === 'secret' || value === undefined ? null : textOf(value, shown),
    source: config.sources[key] ?? 'none',
  }
}

function textOf(value: unknown, shown: Shown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return shown === 'address' ? text.split(',').map(withoutCredentials).join(',') : text
}

const MASK = '***'

/** An address without user, password, query and fragment; all of it masked where it may hold them elsewhere. */
function withoutCredentials(address: string): string {
  const before = /^[a-z]+:\/\//i.exec(address)?.[0] ?? ''
  const rest = address.slice(before.length)
  const url = URL.parse(`http://${rest}`)
  // Of a file there is no host: sqlite:///path.
  if (rest.startsWith('/') && !rest.includes('@')) return before + rest.split(/[?#]/)[0]!
  if (!url || `${url.pathname}${url.search}${url.hash}`.includes('@')) return before + MASK
  const user = url.username || url.password ? `${MASK}@` : ''
  return `${before}${user}${url.host}${url.pathname === '/' && !rest.includes('/') ? '' : url.pathname}`
}

// settings.test.ts — What the supervisor says of its settings: each value with where it comes from, and no secret.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadSupervisorConfig, supervisorFlags } from '../../config.ts'
import { settingsOf } from './settings.ts'

const NATS = { KAGAMI_NATS_URL: 'nats://127.0.0.1:4222' }
function shown(env: Record<string, string>, flags = {}) {
  const { settings } = settingsOf(loadSupervisorConfig({ env: { ...NATS, ...env }, flags }))
  return Object.fromEntries(settings.map(({ key, value, source }) => [key, [value, source]]))
}

describe('the settings', () => {
  it('say where each value comes from', () => {
    const all = shown(
      { SUPERVISOR_HISTORY_DAYS: '30', SUPERVISOR_ROLE_GROUPS: '{"team":"admin"}' },
      supervisorFlags({ autoApprove: 'false' }),
    )
    expect(all).toMatchObject({
      history_days: ['30', 'environment'],
      auto_approve: ['false', 'flag'],
      http_addr: ['0.0.0.0:21000', 'default'],
      role_groups: ['{"team":"admin"}', 'environment'],
      nats_url: ['nats://127.0.0.1:4222', 'environment'],
      oidc_issuer: [null, 'none'],
      database_url: ['sqlite://supervisor.db', 'default'],
      api_token: [null, 'file'],
    })
    expect(all['state_dir']![1]).toBe('default')
    expect(shown({ SUPERVISOR_AUTH: 'none' })['api_token']).toEqual([null, 'none'])
    expect(shown({ SUPERVISOR_API_TOKEN: 'a-token-of-sixteen' })['api_token']).toEqual([null, 'environment'])
    expect(shown({}, { nats_url: 'tls://n1,tls://n2:4222' })['nats_url']).toEqual(['tls://n1,tls://n2:4222', 'flag'])
  })

  it.each([
    ['sqlite:///var/lib/kagami/supervisor.db?mode=rwc', 'sqlite:///var/lib/kagami/supervisor.db'],
    ['postgres://kagami:secret@db.example.org:5432/kagami', 'postgres://***@db.example.org:5432/kagami'],
    ['postgres://kagami@db/kagami?password=secret', 'postgres://***@db/kagami'],
    ['postgres:///kagami?host=/run/postgresql&password=secret', 'postgres:///kagami'],
    ['postgres://kagami:1/cret@db/kagami', 'postgres://***'],
  ])('%s is shown as %s', (url, expected) =>
    expect(shown({ SUPERVISOR_DATABASE_URL: url })['database_url']![0]).toBe(expected),
  )

  it('have no secret in them, wherever one can be in the configuration', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'abcXYZ0189-_.~!@/?#:%&=+ '.split('')), minLength: 16, maxLength: 32 }),
        fc.boolean(),
        (text, isEncoded) => {
          const secret = `s3${text}`
          const form = isEncoded ? encodeURIComponent(secret) : secret
          const places: Record<string, string>[] = [
            { SUPERVISOR_API_TOKEN: secret },
            { SUPERVISOR_OIDC_CLIENT_SECRET: secret },
            { SUPERVISOR_DATABASE_URL: `postgres://kagami:${form}@db.example.org/kagami` },
            { SUPERVISOR_DATABASE_URL: `postgres://db.example.org/kagami?user=kagami&password=${form}` },
            { KAGAMI_NATS_URL: `nats://kagami:${form}@nats.example.org:4222` },
            { KAGAMI_NATS_URL: `nats://${form}@nats.example.org:4222` },
            {
              SUPERVISOR_OIDC_ISSUER: `https://kagami:${form}@login.example.org/realm`,
              SUPERVISOR_OIDC_CLIENT_ID: 'kagami',
              SUPERVISOR_PUBLIC_URL: 'https://kagami.example.org',
            },
          ]
          for (const env of places) {
            const told = tellOf(env)
            // Where an address was cut at a letter that separates its parts, no part of the secret is left either.
            for (const part of [secret, form, ...form.split(/[/?#@:]/)].filter(({ length }) => length >= 5))
              expect(told).not.toContain(part)
          }
        },
      ),
      { numRuns: 300 },
    ))
})

/** What is told of a configuration; nothing of one that is refused. */
function tellOf(env: Record<string, string>): string {
  try {
    return JSON.stringify(shown(env))
  } catch (error) {
    if ((error as Error).name === 'ConfigError') return ''
    throw error
  }
}

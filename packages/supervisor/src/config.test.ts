// config.test.ts — The supervisor's settings: defaults, sources, mistakes.
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadSupervisorConfig, supervisorFlags } from './config.ts'

const nats = { KAGAMI_NATS_URL: 'nats://127.0.0.1:4222' }

describe('the supervisor’s configuration', () => {
  test('has the defaults of earlier versions', () => {
    expect(loadSupervisorConfig({ env: nats })).toMatchObject({
      http_addr: '0.0.0.0:21000',
      database_url: 'sqlite://supervisor.db?mode=rwc',
      auto_approve: true,
      auth: 'token',
      natsUrl: 'nats://127.0.0.1:4222',
      warnings: [],
    })
  })

  test('names KAGAMI_NATS_URL when it is missing', () => {
    expect(() => loadSupervisorConfig({ env: {} })).toThrow(
      'KAGAMI_NATS_URL is not set: the supervisor does not know its NATS server',
    )
  })

  test.each([
    ['true', true],
    ['false', false],
    ['1', true],
    ['0', false],
  ])('SUPERVISOR_AUTO_APPROVE=%s is understood', (text, value) => {
    expect(loadSupervisorConfig({ env: { ...nats, SUPERVISOR_AUTO_APPROVE: text } }).auto_approve).toBe(value)
    expect(loadSupervisorConfig({ env: nats, flags: supervisorFlags({ autoApprove: text }) }).auto_approve).toBe(value)
  })

  test('names the variable of a wrong value', () => {
    expect(() => loadSupervisorConfig({ env: { ...nats, SUPERVISOR_AUTO_APPROVE: 'maybe' } })).toThrow(
      'SUPERVISOR_AUTO_APPROVE: must be true or false, not "maybe"',
    )
    expect(() => loadSupervisorConfig({ env: { ...nats, SUPERVISOR_AUTH: 'off' } })).toThrow(
      'SUPERVISOR_AUTH: auth must be one of token, none',
    )
    expect(() => loadSupervisorConfig({ env: { ...nats, SUPERVISOR_HTTP_ADDR: '21000' } })).toThrow(
      'SUPERVISOR_HTTP_ADDR: must be host:port, not "21000"',
    )
  })

  test('names the variable of a file of NATS credentials that is missing or is something else', () => {
    expect(() =>
      loadSupervisorConfig({ env: { ...nats, SUPERVISOR_NATS_CREDENTIALS: '/none/supervisor.json' } }),
    ).toThrow('SUPERVISOR_NATS_CREDENTIALS: /none/supervisor.json is missing')
    expect(() =>
      loadSupervisorConfig({
        env: { ...nats, SUPERVISOR_NATS_CREDENTIALS: fileURLToPath(new URL('../package.json', import.meta.url)) },
      }),
    ).toThrow('package.json version must be number')
  })

  test('warns when authentication is off on an open address, and not on loopback', () => {
    expect(loadSupervisorConfig({ env: { ...nats, SUPERVISOR_AUTH: 'none' } }).warnings[0]).toMatch(
      /anyone who reaches it may approve/,
    )
    expect(
      loadSupervisorConfig({ env: { ...nats, SUPERVISOR_AUTH: 'none', SUPERVISOR_HTTP_ADDR: '127.0.0.1:21000' } })
        .warnings,
    ).toEqual([])
  })

  const oidc = {
    ...nats,
    SUPERVISOR_OIDC_ISSUER: 'https://login.example.org',
    SUPERVISOR_OIDC_CLIENT_ID: 'kagami',
    SUPERVISOR_PUBLIC_URL: 'https://kagami.example.org',
  }
  test('warns when people would sign in without TLS', () => {
    const warningsAt = (url: string) =>
      loadSupervisorConfig({ env: { ...oidc, SUPERVISOR_PUBLIC_URL: url } }).warnings.join()
    expect(warningsAt('http://kagami.example.org')).toMatch(/anyone on the way can act as them/)
    expect(warningsAt('http://127.0.0.1:21000') + warningsAt('https://kagami.example.org')).toBe('')
  })

  test('takes groups with their roles, and refuses a role that there is none of', () => {
    const roles = (text: string) => loadSupervisorConfig({ env: { ...oidc, SUPERVISOR_ROLE_GROUPS: text } }).role_groups
    expect(roles('{"mirror-admins": "admin"}')).toEqual({ 'mirror-admins': 'admin' })
    expect(() => roles('{"mirror-admins": "boss"}')).toThrow('must be one of viewer, operator, admin')
    expect(() => roles('mirror-admins')).toThrow('SUPERVISOR_ROLE_GROUPS: must be JSON')
  })

  test.each([
    [{ SUPERVISOR_OIDC_CLIENT_ID: '' }, 'SUPERVISOR_OIDC_CLIENT_ID is not set'],
    [{ SUPERVISOR_PUBLIC_URL: '' }, 'SUPERVISOR_PUBLIC_URL is not set'],
    [{ SUPERVISOR_PUBLIC_URL: 'https://kagami.example.org/ui/' }, 'SUPERVISOR_PUBLIC_URL: public_url'],
    [{ SUPERVISOR_OIDC_ISSUER: 'http://login.example.org' }, 'must be https://, or on this machine'],
    [{ SUPERVISOR_OIDC_ISSUER: 'https://[' }, 'is no URL'],
  ])('does not start with sign-in that is set up half: %j', (change, problem) => {
    expect(() => loadSupervisorConfig({ env: { ...oidc, ...change } })).toThrow(problem)
    expect(loadSupervisorConfig({ env: oidc }).oidc_client_id).toBe('kagami')
  })
})

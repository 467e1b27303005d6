// docker/arguments.test.ts — The docker commands, word for word; secrets by name alone.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { buildArguments, isMissingDirectory, natsArguments, supervisorArguments, workerArguments } from './arguments.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-docker-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe('docker build', () => {
  const tags = { supervisorTag: 's:1', workerTag: 'w:1' }
  it('builds one image under its tag, or under the one that was given', () => {
    expect(buildArguments('/src', 'worker', tags)).toEqual([
      ['build', '-f', '/src/Dockerfile.worker', '-t', 'w:1', '/src'],
    ])
    expect(buildArguments('/src', 'supervisor', { ...tags, tag: 'mine' })[0]).toContain('mine')
  })
  it('builds both, each under its own tag', () =>
    expect(buildArguments('/src', 'all', { ...tags, tag: 'mine' }).map((words) => words[4])).toEqual(['s:1', 'w:1']))
  it.each(['everything', 'toString', ''])('refuses "%s"', (what) =>
    expect(() => buildArguments('/src', what, tags)).toThrow(`"${what}" is nothing to build`),
  )
})

it('docker run nats keeps its store in a volume, and shows its monitor only when asked', () => {
  const all = natsArguments({ image: 'nats:2', port: '4333', monitorPort: '8333' })
  expect(all.join(' ')).toBe(
    'run -d --name kagami-nats --restart unless-stopped -p 4333:4222 -p 8333:8222 -v kagami-nats:/data nats:2 -js ' +
      '-sd /data -m 8222',
  )
  expect(natsArguments({ image: 'nats:2', port: '4222' })).not.toContain('8222:8222')
})

describe('docker run supervisor', () => {
  const options = {
    image: 'kagami-supervisor',
    natsUrl: 'nats://host.docker.internal:4222',
    port: '80',
    httpAddr: '0.0.0.0:21000',
    dbUrl: 'sqlite:///data/supervisor.db?mode=rwc',
    autoApprove: 'false',
    volume: 'kagami-supervisor',
  }
  it('reaches this machine by name, publishes its port and keeps its database', () =>
    expect(supervisorArguments(options, {}).join(' ')).toBe(
      'run -d --name kagami-supervisor --restart unless-stopped --add-host host.docker.internal:host-gateway ' +
        '-p 80:21000 -v kagami-supervisor:/data -e KAGAMI_NATS_URL=nats://host.docker.internal:4222 ' +
        '-e SUPERVISOR_HTTP_ADDR=0.0.0.0:21000 ' +
        '-e SUPERVISOR_DATABASE_URL=sqlite:///data/supervisor.db?mode=rwc -e SUPERVISOR_AUTO_APPROVE=false ' +
        'kagami-supervisor',
    ))
  it('puts a database with a relative path into the volume too', () =>
    expect(supervisorArguments({ ...options, dbUrl: 'sqlite://data/s.db' }, {})).toContain(
      'SUPERVISOR_DATABASE_URL=sqlite:///data/s.db',
    ))
  it('hands secrets on by name, and only those that are set', () => {
    const words = supervisorArguments(options, { SUPERVISOR_API_TOKEN: 'kgm_secret', SUPERVISOR_AUTH: '' })
    expect(words.join(' ')).toContain('-e SUPERVISOR_API_TOKEN kagami-supervisor')
    expect(words.join(' ')).not.toMatch(/kgm_secret|SUPERVISOR_AUTH /)
  })
})

describe('docker run worker', () => {
  const options = { image: 'kagami-worker', natsUrl: 'nats://n:4222', port: '8080', dataDir: 'kagami-worker' }
  it('keeps its data in a volume, and its configuration read-only', () => {
    const words = workerArguments({ ...options, config: './worker.toml' }, { KAGAMI_JOIN_TOKEN: 'kgj_secret' })
    expect(words.join(' ')).toBe(
      'run -d --name kagami-worker --restart on-failure --add-host host.docker.internal:host-gateway -p 8080:8080 ' +
        `-v kagami-worker:/data -v ${resolve('worker.toml')}:/app/worker.toml:ro -e KAGAMI_NATS_URL=nats://n:4222 ` +
        '-e KAGAMI_DATA_DIR=/data -e KAGAMI_JOIN_TOKEN kagami-worker',
    )
  })
  it('writes a directory of this machine as its owner; a volume has none', () => {
    const { uid, gid } = statSync(dir)
    expect(workerArguments({ ...options, dataDir: dir }, {}).join(' ')).toContain(
      `-v ${dir}:/data --user ${uid}:${gid} `,
    )
    expect(workerArguments(options, {})).not.toContain('--user')
  })
  it('knows a directory that is not there from a volume', () => {
    expect([isMissingDirectory(join(dir, 'none')), isMissingDirectory(dir), isMissingDirectory('volume')]).toEqual([
      true,
      false,
      false,
    ])
    expect(workerArguments({ ...options, dataDir: join(dir, 'none') }, {})).not.toContain('--user')
  })
})

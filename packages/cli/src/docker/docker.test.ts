// docker.test.ts — kagami docker: runs what it prints, and ends as docker did.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runKagami } from '../testing/run-kagami.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-docker-'))
afterAll(() => rmSync(dir, { recursive: true }))
const calls = join(dir, 'calls')
writeFileSync(join(dir, 'docker'), `#!/bin/sh\nprintf '%s\\n' "$@" > ${calls}\n[ "$2" != -f ]\n`)
chmodSync(join(dir, 'docker'), 0o755)
const run = (line: string, PATH = `${dir}:${process.env['PATH']}`) => runKagami(line, { PATH })

it('prints the command as a shell takes it, and runs it', async () => {
  const { code, stdout, stderr } = await run('docker run supervisor --nats-url nats://n:4222')
  expect([code, stdout]).toEqual([0, ''])
  expect(stderr).toMatch(/^docker run -d --name kagami-supervisor .* kagami-supervisor\n$/)
  expect(stderr).toContain("-e 'SUPERVISOR_DATABASE_URL=sqlite:///data/supervisor.db?mode=rwc'")
  expect(readFileSync(calls, 'utf8')).toContain('\nSUPERVISOR_DATABASE_URL=sqlite:///data/supervisor.db?mode=rwc\n')
})
it('warns of a data directory that docker would make for root', async () => {
  const { stderr } = await run(`docker run worker --nats-url nats://n:4222 --data-dir ${dir}/none`)
  expect(stderr).toContain(`install -d -o 10001 -g 10001 ${dir}/none\n`)
})
it('exits 1 when docker fails', async () => expect((await run('docker build worker')).code).toBe(1))
it('says how to go on without an engine', async () => {
  const { code, stderr } = await run('docker run nats', '/nonexistent')
  expect([code, stderr]).toEqual([2, expect.stringContaining('run without one: kagami up')])
})

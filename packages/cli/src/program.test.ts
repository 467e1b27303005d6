// program.test.ts — Every command is there, explains itself, and refuses words it does not know with exit code 2.
import type { Command } from 'commander'
import { describe, expect, it, test } from 'vitest'
import { createProgram } from './program.ts'
import { runKagami } from './testing/run-kagami.ts'

interface Found {
  readonly path: string
  readonly command: Command
}

function allCommands(command: Command, path = ''): Found[] {
  return command.commands.flatMap((child) => {
    const here = `${path} ${child.name()}`.trim()
    return [{ path: here, command: child }, ...allCommands(child, here)]
  })
}
const all = allCommands(createProgram())

test('the commands that people have written into scripts', () => {
  const scripted = [
    ['up', 'status', 'sync', 'logs', 'syncs', 'syncs list', 'syncs cancel', 'events', 'events list'],
    ['resources', 'resources list', 'resources get', 'resources pause', 'resources resume'],
    ['replicas', 'replicas list', 'replicas get', 'replicas add', 'replicas remove'],
    ['replicas approve', 'replicas reject', 'replicas pause', 'replicas resume', 'replicas rollback'],
    ['replicas verify', 'replicas kept', 'replicas restore', 'replicas rename'],
    ['workers', 'workers list', 'workers get', 'workers approve', 'workers reject'],
    ['workers revoke', 'workers terminate'],
    ['nats', 'nats init', 'nats certificate', 'nats token', 'nats tokens', 'nats tokens list', 'nats tokens remove'],
    ['run', 'run supervisor', 'run worker'],
    ['docker', 'docker build', 'docker run', 'docker run nats', 'docker run supervisor', 'docker run worker'],
    ['docker nats', 'supervisor', 'supervisor approve', 'supervisor terminate'],
  ].flat()
  const paths = all.map(({ path }) => path)
  expect(scripted.filter((path) => !paths.includes(path))).toEqual([])
  expect(all.find(({ path }) => path === 'resources')?.command.aliases()).toEqual(['mirrors'])
})

describe('every command', () => {
  test.each(all)('kagami $path --help explains it', async ({ path, command }) => {
    const { code, stdout, stderr } = await runKagami(`${path} --help`)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(new RegExp(`^Usage: kagami ${path.replace('resources', 'resources(\\|mirrors)?')}`))
    expect(command.description()).not.toBe('')
    for (const option of command.options) {
      expect(option.description, option.flags).not.toBe('')
      expect(stdout).toContain(option.long)
    }
  })

  test.each(all.filter(({ command }) => command.commands.length === 0))(
    'kagami $path refuses an option it does not have',
    async ({ path, command }) => {
      const needed = command.options.filter(({ mandatory }) => mandatory).map(({ long }) => `${long} x`)
      const { code, stdout, stderr } = await runKagami(`${path} ${needed.join(' ')} --no-such-option`)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain("unknown option '--no-such-option'")
    },
  )
})

describe('words that are wrong or missing', () => {
  it.each([
    ['statsu', 'Did you mean status?'],
    ['sync', "missing required argument 'MIRROR'"],
    ['logs', "missing required argument 'SYNC'"],
    ['replicas get', "missing required argument 'REPLICA'"],
    ['replicas add rsync://host/module/', "required option '--worker <WORKER>' not specified"],
    ['workers approve', "missing required argument 'WORKER'"],
    ['docker run supervisor', "required option '--nats-url <URL>' not specified"],
    ['nats certificate', "required option '--host <HOSTS...>' not specified"],
    ['status --fail-on', "option '--fail-on <HEALTHS>' argument missing"],
  ])('kagami %s', async (line, text) => {
    const { code, stdout, stderr } = await runKagami(line)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(text)
  })
})

it('without a command lists the commands and the exit codes', async () => {
  const { code, stderr } = await runKagami('')
  expect(code).toBe(2)
  expect(stderr).toContain('Commands:')
  expect(stderr).toContain('Exit codes: 0 ok, 1 failed, 2 usage, 3 not found')
})
it('says its version', async () => {
  const { code, stdout } = await runKagami('--version')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
})

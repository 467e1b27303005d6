import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createActor } from './actor.ts'
import { onClockJump, systemClock } from './clock.ts'
import { nearest } from './config.ts'
import { readIfThere, readJsonIfThere, removeDurably, writeDurably } from './files.ts'
import { replicaIdOf } from './ids.ts'
import { isLoopback, parseAddress } from './listeners.ts'
import { lockDirectory } from './lock.ts'
import { createManualClock } from './testing/manual-clock.ts'

describe('an actor', () => {
  type Event = { type: 'add'; n: number } | { type: 'twice'; n: number }
  const anActor = (effects: (n: number) => void | Promise<void>, onFault = () => {}) =>
    createActor<number, Event, { type: 'say'; n: number }>({
      state: 0,
      clock: createManualClock(),
      onFault,
      effects: { say: ({ n }) => effects(n) },
      advance: (state, event) => ({ state: state + event.n, effects: [{ type: 'say', n: state + event.n }] }),
    })

  test('handles one event at a time: what an effect tells comes after what is being handled', () => {
    const said: number[] = []
    const actor = anActor((n) => {
      said.push(n)
      if (n === 1) {
        actor.tell({ type: 'add', n: 10 })
        said.push(-1)
      }
    })
    actor.tell({ type: 'add', n: 1 })
    expect(said).toEqual([1, -1, 11])
  })

  test('a handler that throws is a fault, and the actor goes on', async () => {
    const faults: unknown[] = []
    const actor = createActor<number, Event, { type: 'say'; n: number }>({
      state: 0,
      clock: createManualClock(),
      onFault: (fault) => faults.push(fault),
      advance: (state, event) => ({ state: state + event.n, effects: [{ type: 'say', n: event.n }] }),
      effects: {
        say: async ({ n }) => {
          if (n === 1) throw new Error('one')
        },
      },
    })
    actor.tell({ type: 'add', n: 1 })
    actor.tell({ type: 'add', n: 2 })
    await actor.idle()
    expect([actor.state, faults.length]).toEqual([3, 1])
    actor.stop()
    actor.tell({ type: 'add', n: 5 })
    expect(actor.state).toBe(3)
  })
})

describe('the clock', () => {
  test('a wait longer than a timer can hold does not fire at once', async () => {
    let fired = false
    const cancel = systemClock.after(2_147_484_000, () => (fired = true))
    await new Promise((resolve) => setImmediate(resolve))
    cancel()
    expect(fired).toBe(false)
  })

  test('tells when it was set, once and by how much, and leaves small corrections alone', () => {
    let [wall, steady] = [1_000_000, 0]
    const tasks: (() => void)[] = []
    const clock = {
      now: () => new Date(wall),
      monotonicMs: () => steady,
      after: (_: number, task: () => void) => (tasks.push(task), () => {}),
    }
    const jumps: number[] = []
    onClockJump(clock, (byMs) => jumps.push(byMs))
    const second = (setBy: number) => {
      wall += 1000 + setBy
      steady += 1000
      tasks.shift()?.()
    }
    for (const setBy of [0, 500, 0, 31_536_000_000, 0, -63_072_000_000, 0]) second(setBy)
    expect(jumps).toEqual([31_536_000_500, -63_072_000_000])
  })
})

describe('small files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-files-'))

  test('are replaced whole, leave no scraps, and read as nothing when they are not there or damaged', () => {
    const path = join(dir, 'a', 'b.json')
    expect([readIfThere(path), readJsonIfThere(path)]).toEqual([null, null])
    writeDurably(path, '{"a":1}')
    writeDurably(path, '{"a":2}')
    expect(readJsonIfThere(path)).toEqual({ a: 2 })
    writeDurably(path, '{"a":')
    expect(readJsonIfThere(path)).toBeNull()
    expect(readdirSync(join(dir, 'a'))).toEqual(['b.json'])
    removeDurably(path)
    removeDurably(path)
    expect(readIfThere(path)).toBeNull()
  })

  // A disk of its own needs root, to mount it.
  test.runIf(process.getuid?.() === 0)('stay as they were when a new text does not fit on the disk', () => {
    const disk = join(dir, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'kagami-test', disk])
    try {
      const path = join(disk, 'a.json')
      writeDurably(path, '{"a":1}')
      expect(() => writeDurably(path, JSON.stringify({ a: 'x'.repeat(100_000) }))).toThrow('ENOSPC')
      expect([readJsonIfThere(path), readdirSync(disk)]).toEqual([{ a: 1 }, ['a.json']])
    } finally {
      execFileSync('umount', [disk])
    }
  })

  test('a locked directory is refused until it is let go', async () => {
    const lock = await lockDirectory(dir, 'test')
    expect(await lockDirectory(dir, 'test')).toBeNull()
    expect(await lockDirectory(dir, 'another purpose')).not.toBeNull()
    lock!.release()
    await expect.poll(() => lockDirectory(dir, 'test')).not.toBeNull()
  })
})

describe('words and addresses', () => {
  test('the nearest known word is found, a far one is not', () => {
    expect(nearest('nats_ulr', ['nats_url', 'data_dir'])).toBe('nats_url')
    expect(nearest('zzzzzz', ['nats_url', 'data_dir'])).toBeNull()
  })

  test('addresses are read in every common form', () => {
    expect(['0.0.0.0:1', ':80', '[::1]:90', 'host:65535'].map(parseAddress)).toEqual([
      { host: '0.0.0.0', port: 1 },
      { host: '0.0.0.0', port: 80 },
      { host: '::1', port: 90 },
      { host: 'host', port: 65_535 },
    ])
    expect(['', '80', 'host:', 'host:99999', 'a:b:c'].map(parseAddress)).toEqual([null, null, null, null, null])
    expect(['127.0.0.1', '127.9.9.9', 'localhost', '::1', '0.0.0.0', '10.0.0.1'].map(isLoopback)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ])
  })

  test('a declared replica has the same id at every start, another worker’s has another', () => {
    expect(replicaIdOf('w', 'debian')).toBe(replicaIdOf('w', 'debian'))
    expect(replicaIdOf('w', 'debian')).not.toBe(replicaIdOf('x', 'debian'))
  })
})

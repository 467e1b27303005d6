// pace.test.ts — How fast a host is asked: simulated hosts that refuse what is too much, in a time of their own.
import { describe, expect, test } from 'vitest'
import type { Leave, Pace } from '../paces.ts'
import { createPace, createPaces, limitPaces } from './pace.ts'

interface Host {
  /** Requests a second it allows, and how many at once after a rest. */
  readonly rate: number
  readonly burst: number
  /** Milliseconds from a request to its answer. */
  readonly roundTrip: number
}

interface Outcome {
  readonly served: number
  readonly refused: number
  readonly seconds: number
}

/** Runs `runs` senders of `each` requests against a host; each sends as soon as its pace lets it. */
function simulate(host: Host, { runs = 1, each = 600, paceOf = (pace: Pace) => pace, seed = 1 } = {}): Outcome {
  const clock = { now: 0 }
  let random = seed
  const pace = createPace({
    now: () => clock.now,
    random: () => (random = (random * 16_807) % 2_147_483_647) / 2_147_483_647,
  })
  const events: { at: number; run(): void }[] = []
  const later = (ms: number, run: () => void) => void events.push({ at: clock.now + ms, run })
  const bucket = { tokens: host.burst, at: 0 }
  const allows = () => {
    bucket.tokens = Math.min(host.burst, bucket.tokens + ((clock.now - bucket.at) / 1000) * host.rate)
    bucket.at = clock.now
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
  const count = { served: 0, refused: 0 }
  const startRun = () => {
    const mine = paceOf(pace)
    let left = each
    let waking = false
    const send = (leave: Leave) =>
      later(host.roundTrip / 2, () => {
        const served = allows()
        later(host.roundTrip / 2, () => {
          count[served ? 'served' : 'refused']++
          if (!served) left++
          leave.done(served ? 'served' : 'refused')
          sendNext()
        })
      })
    const sendNext = () => {
      while (left > 0) {
        const leave = mine.take()
        if (typeof leave !== 'object') {
          if (!waking) later(leave === 'full' ? 5 : Math.max(1, leave), () => ((waking = false), sendNext()))
          waking = true
          return
        }
        left--
        send(leave)
      }
    }
    sendNext()
  }
  for (let run = 0; run < runs; run++) startRun()
  while (events.length > 0 && count.served < runs * each && clock.now < 600_000) {
    events.sort((a, b) => a.at - b.at)
    const next = events.shift()!
    clock.now = next.at
    next.run()
  }
  return { ...count, seconds: clock.now / 1000 }
}

describe('a host that refuses what is too much', () => {
  const hosts: Host[] = [1, 20, 100].flatMap((roundTrip) => [
    { rate: 50, burst: 30, roundTrip },
    { rate: 50, burst: 1, roundTrip },
    { rate: 20, burst: 20, roundTrip },
    { rate: 200, burst: 50, roundTrip },
  ])
  test.each(hosts)('gets $rate a second of us and few more ($burst at once, answers after $roundTrip ms)', (host) => {
    for (const runs of [1, 2])
      for (let seed = 1; seed <= 5; seed++) {
        const { served, refused, seconds } = simulate(host, { runs, each: 600, seed })
        const said = `${runs} runs, seed ${seed}: ${refused} refused, ${seconds.toFixed(1)} s`
        expect(served, said).toBe(runs * 600)
        expect(refused / (served + refused), said).toBeLessThanOrEqual(0.05)
        // Not much slower than it allows, after the first seconds.
        expect(seconds, said).toBeLessThan(8 + ((runs * 600) / host.rate) * 1.6)
      }
  })

  test('that refuses everything is asked a few times, then counts as closed', () => {
    const clock = { now: 0 }
    const pace = createPace({ now: () => clock.now, random: () => 0.5 })
    let asked = 0
    while (!pace.closed()) {
      const leave = pace.take()
      if (typeof leave === 'number') clock.now += leave
      else if (leave === 'full') throw new Error('none is under way')
      else {
        asked++
        leave.done('refused')
      }
    }
    expect(asked).toBe(8)
    expect(clock.now).toBeGreaterThan(30_000)
    expect(clock.now).toBeLessThan(120_000)
  })

  test('is left alone for as long as it asks', () => {
    const clock = { now: 0 }
    const pace = createPace({ now: () => clock.now, random: () => 0.5 })
    const leave = pace.take()
    if (typeof leave === 'object') leave.done('refused', 7)
    expect(pace.take()).toBe(7000)
  })

  test('is reported with what it allowed, and nothing is said of one that refuses nothing', () => {
    const clock = { now: 0 }
    const pace = createPace({ now: () => clock.now, random: () => 0.5 })
    const quiet = pace.watch()
    expect(quiet.end()).toEqual({ refusals: 0, perSecond: null })
    const watch = pace.watch()
    const first = pace.take() as Leave
    first.done('refused')
    clock.now += 1000
    for (let served = 0; served < 3; served++) {
      let leave = pace.take()
      while (typeof leave !== 'object') {
        clock.now += leave === 'full' ? 1 : leave
        leave = pace.take()
      }
      leave.done('served')
    }
    clock.now = 2000
    expect(watch.end()).toEqual({ refusals: 1, perSecond: 1.5 })
  })
})

describe('a host that refuses nothing', () => {
  test('is asked as fast as it answers', () => {
    const { refused, seconds } = simulate({ rate: 1e9, burst: 1e9, roundTrip: 20 }, { each: 20_000 })
    expect(refused).toBe(0)
    // 256 under way at most, after a start with few: not much longer than that takes.
    expect(seconds).toBeLessThan(1.5 * (20_000 / 256) * 0.02 + 1)
  })
})

describe('the paces of a worker', () => {
  test('are one for each host, whoever asks', () => {
    const paces = createPaces()
    expect(paces.of('a:80')).toBe(paces.of('a:80'))
    expect(paces.of('a:80')).not.toBe(paces.of('b:80'))
  })

  test('keep to the requests a second of one run, over all hosts', () => {
    const clock = { now: 0 }
    const paces = limitPaces(createPaces({ now: () => clock.now }), 10, () => clock.now)
    let sent = 0
    while (clock.now < 10_000) {
      const leave = paces.of(`host${sent % 2}`).take()
      if (typeof leave !== 'object') clock.now += leave === 'full' ? 1 : Math.max(1, leave)
      else {
        sent++
        leave.done('served')
      }
    }
    expect(sent).toBeGreaterThan(95)
    expect(sent).toBeLessThan(105)
  })
})

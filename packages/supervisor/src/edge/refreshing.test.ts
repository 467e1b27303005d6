// refreshing.test.ts — Everybody who is wanted is asked, a few at a time, whatever the workers do.
import { createManualClock } from '@kagami/runtime/testing/manual-clock'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRefreshing } from './refreshing.ts'

const AT_ONCE = 32
const idOf = (index: number) => `worker-${index}`

/** Workers that are asked through a bus, and answer when a test lets them. */
function openRefreshing() {
  const clock = createManualClock()
  const questions: { workerId: string; body: object; answer: (reply: { accepted: boolean } | null) => void }[] = []
  const bus = {
    request: (_name: string, workerId: string, body: object) =>
      new Promise((answer) => questions.push({ workerId, body, answer })),
  }
  return { clock, questions, refreshing: createRefreshing({ bus: bus as never, clock }) }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('workers of which something is wanted', () => {
  it('are asked a few at a time, and the next when the states of one have come', async () => {
    const { refreshing, questions } = openRefreshing()
    for (let index = 0; index < 100; index++) refreshing.want(idOf(index), 'states')
    expect(questions).toHaveLength(AT_ONCE)
    expect(questions[0]!.body).toEqual({ states_only: true })
    questions[0]!.answer({ accepted: true })
    await settle()
    expect(questions).toHaveLength(AT_ONCE)
    refreshing.arrived(idOf(0))
    expect(questions).toHaveLength(AT_ONCE + 1)
    expect(questions.at(-1)!.workerId).toBe(idOf(AT_ONCE))
  })

  it('keep nobody waiting when they do not answer, or promise and do not send', async () => {
    const { clock, refreshing, questions } = openRefreshing()
    for (let index = 0; index < 3 * AT_ONCE; index++) refreshing.want(idOf(index), 'join')
    for (const { answer } of questions.splice(0)) answer(null)
    await settle()
    expect(questions).toHaveLength(AT_ONCE)
    for (const { answer } of questions.splice(0)) answer({ accepted: true })
    await settle()
    expect(questions).toHaveLength(0)
    clock.advance(3000)
    expect(questions).toHaveLength(AT_ONCE)
  })

  it('are asked at once again as another process, and otherwise not within three seconds', async () => {
    const { clock, refreshing, questions } = openRefreshing()
    const ask = () => {
      refreshing.want('w', 'states')
      return questions.length
    }
    expect(ask()).toBe(1)
    refreshing.arrived('w')
    expect(ask()).toBe(1)
    refreshing.joined('w')
    expect(ask()).toBe(2)
    refreshing.arrived('w')
    clock.advance(2999)
    expect(ask()).toBe(2)
    clock.advance(1)
    expect(ask()).toBe(3)
  })

  it('are not asked after the stop', async () => {
    const { clock, refreshing, questions } = openRefreshing()
    for (let index = 0; index < 2 * AT_ONCE; index++) refreshing.want(idOf(index), 'states')
    refreshing.stop()
    for (const { answer } of questions) answer({ accepted: true })
    await settle()
    clock.advance(10_000)
    refreshing.want('late', 'states')
    expect(questions).toHaveLength(AT_ONCE)
  })

  it('are all asked, never too many at once, in any order of events', async () => {
    const event = fc.record({
      type: fc.constantFrom('want', 'arrived', 'joined', 'answer', 'silent', 'time'),
      worker: fc.nat(59),
      ms: fc.nat(4000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 300 }), async (events) => {
        const { clock, refreshing, questions } = openRefreshing()
        let asked = 0
        const open = () => questions.length
        for (const { type, worker, ms } of events) {
          if (type === 'want') refreshing.want(idOf(worker), 'states')
          if (type === 'arrived') refreshing.arrived(idOf(worker))
          if (type === 'joined') refreshing.joined(idOf(worker))
          if (type === 'time') clock.advance(ms)
          if (type === 'answer' || type === 'silent') {
            const question = questions.splice(worker % Math.max(1, open()), 1)[0]
            question?.answer(type === 'answer' ? { accepted: true } : null)
            if (question) asked++
            await settle()
          }
          expect(open()).toBeLessThanOrEqual(AT_ONCE)
        }
        // Nobody is left over: all who answer from now on are heard, and then a new one is asked at once.
        for (let round = 0; round < 100 && open() > 0; round++) {
          for (const { answer } of questions.splice(0)) {
            asked++
            answer({ accepted: true })
          }
          await settle()
          clock.advance(3000)
        }
        clock.advance(3000)
        expect(open()).toBe(0)
        for (let index = 0; index < AT_ONCE + 8; index++) refreshing.want(`new-${index}`, 'states')
        expect(open()).toBe(AT_ONCE)
        expect(asked).toBeLessThanOrEqual(events.filter(({ type }) => type === 'want').length)
      }),
    )
  })
})

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import Type from 'typebox'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError } from '../config.ts'
import { copyOfLine, oneLine, openStateFile, sealedJson, type Damage, type StateOptions } from './state-file.ts'

const Schema = Type.Object({ number: Type.Integer(), words: Type.Array(Type.String()) })
type Value = { number: number; words: string[] }

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-state-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function open(options: Partial<StateOptions<Value>> = {}) {
  const damage: Damage[] = []
  const path = join(dir, 'file.json')
  const file = openStateFile<Value>({ path, form: sealedJson(Schema), onDamage: (one) => damage.push(one), ...options })
  return { file, path, damage }
}

const aside = () => readdirSync(dir).filter((name) => name.includes('.damaged-'))

describe('what a program keeps', () => {
  test('is read as it was written, and missing is nothing', () => {
    const { file, damage } = open()
    expect(file.read()).toBeNull()
    fc.assert(
      fc.property(fc.record({ number: fc.integer(), words: fc.array(fc.string({ unit: 'binary' })) }), (value) => {
        file.write(value)
        expect(file.read()).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
    expect(damage).toEqual([])
  })

  test('is taken over from a version that wrote no checksum', () => {
    const { file, path } = open()
    writeFileSync(path, '{"number":1,"words":["a"],"later":true}')
    expect(file.read()).toMatchObject({ number: 1, words: ['a'] })
  })

  test.each<[string, (text: string) => string | Buffer | null]>([
    ['empty', () => ''],
    ['half', (text) => text.slice(0, text.length / 2)],
    ['garbage', () => Buffer.from([0, 255, 254, 1])],
    ['JSON of another shape', () => '{"number":"seven"}'],
    ['changed in one letter', (text) => text.replace('two', 'owt')],
    ['a directory', () => null],
  ])('that is %s is set aside, and the version before it used', (_how, harm) => {
    const { file, path, damage } = open()
    file.write({ number: 1, words: ['one'] })
    file.write({ number: 2, words: ['two'] })
    const harmed = harm(readFileSync(path, 'utf8'))
    if (harmed === null) {
      rmSync(path)
      mkdirSync(path)
    } else writeFileSync(path, harmed)
    expect(file.read()).toEqual({ number: 1, words: ['one'] })
    expect(damage).toMatchObject([{ path, instead: 'previous' }])
    expect(aside()).toHaveLength(1)
    if (harmed !== null) expect(readFileSync(join(dir, aside()[0]!))).toEqual(Buffer.from(harmed))
    // It is said once.
    expect(open().file.read()).toEqual({ number: 1, words: ['one'] })
    expect(damage).toHaveLength(1)
  })

  test('has a copy from its first writing on', () => {
    const { file, path } = open()
    file.write({ number: 1, words: [] })
    writeFileSync(path, '')
    expect(file.read()).toEqual({ number: 1, words: [] })
  })

  test('that is gone while the version before it is there was lost, not never made', () => {
    const { file, path, damage } = open()
    file.write({ number: 1, words: [] })
    rmSync(path)
    expect(file.read()).toEqual({ number: 1, words: [] })
    expect(damage).toMatchObject([{ problem: 'is missing', aside: null }])
    file.remove()
    expect([file.read(), existsSync(`${path}.previous`)]).toEqual([null, false])
  })

  test('is refused and left as it is when nothing of it is left and it must not be guessed', () => {
    const { file, path, damage } = open({ cure: 'Restore it.' })
    writeFileSync(path, 'garbage')
    expect(() => file.read()).toThrow(ConfigError)
    expect([readFileSync(path, 'utf8'), readdirSync(dir), damage]).toEqual(['garbage', ['file.json'], []])
  })

  test('is done without when that is allowed, and the damaged file stays beside it', () => {
    const { file, path, damage } = open({ without: 'it begins anew' })
    writeFileSync(path, 'garbage')
    expect([file.read(), damage[0]?.instead]).toEqual([null, null])
    file.write({ number: 1, words: [] })
    expect(readFileSync(join(dir, aside()[0]!), 'utf8')).toBe('garbage')
  })

  test('is touched by nobody who only looks', () => {
    const { file, path } = open()
    file.write({ number: 1, words: [] })
    writeFileSync(path, 'garbage')
    const before = readdirSync(dir)
    expect(() => open({ onDamage: undefined }).file.read()).toThrow(ConfigError)
    expect([readdirSync(dir), readFileSync(path, 'utf8')]).toEqual([before, 'garbage'])
  })

  test('survives any change of any bytes: the version before it, or the same value', () => {
    const { file, path } = open()
    fc.assert(
      fc.property(fc.nat(200), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, bytes) => {
        file.write({ number: 1, words: ['one'] })
        file.write({ number: 2, words: ['two'] })
        const whole = readFileSync(path)
        const cut = at % (whole.length - 12)
        writeFileSync(path, Buffer.concat([whole.subarray(0, cut), bytes, whole.subarray(cut + bytes.length)]))
        expect([1, 2]).toContain(file.read()?.number)
      }),
      { numRuns: 60 },
    )
  })
})

describe('a line of text', () => {
  const isWord = (text: string) => /^[a-z]{2,20}$/.test(text)
  const openLine = (judge: 'own' | 'unclear' | 'damaged') => {
    const path = join(dir, 'line')
    const damage: Damage[] = []
    const form = { form: oneLine(isWord), copyForm: copyOfLine(isWord) }
    const onDamage = (one: Damage) => damage.push(one)
    return { path, damage, file: openStateFile<string>({ path, ...form, onDamage, judge: () => judge }) }
  }

  test('that was made by an earlier version gets a copy when it is read', () => {
    const { path, file } = openLine('damaged')
    writeFileSync(path, 'secret\n')
    expect(file.read()).toBe('secret')
    writeFileSync(path, 'sec')
    expect(file.read()).toBe('secret')
  })

  test('of somebody else is theirs, or is refused when it is not clear which is right', () => {
    const { path, file } = openLine('own')
    file.write('secret')
    writeFileSync(path, 'another\n')
    expect(file.read()).toBe('another')
    writeFileSync(path, 'third\n')
    expect(() => openLine('unclear').file.read()).toThrow(/hold different values/)
    expect(readFileSync(path, 'utf8')).toBe('third\n')
  })
})

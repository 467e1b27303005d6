// output.test.ts — Data on stdout, aligned for people and whole for programs; errors with cause, cure and exit code.
import { stripVTControlCharacters } from 'node:util'
import { ApiError, errors, Refusal, type ErrorCode } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import { CommanderError } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { printJson, printTable, reportError } from './output.ts'

let stdout = ''
let stderr = ''
beforeEach(() => {
  ;[stdout, stderr] = ['', '']
  const into = (add: (text: string) => void) => (text: unknown) => {
    add(stripVTControlCharacters(String(text)))
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(into((text) => (stdout += text)))
  vi.spyOn(process.stderr, 'write').mockImplementation(into((text) => (stderr += text)))
})
afterEach(() => void vi.restoreAllMocks())

describe('a table', () => {
  it('aligns columns by what a terminal shows, without lines or spaces at the end', () => {
    printTable(
      ['NAME', 'SIZE'],
      [
        ['镜像', '1 KiB'],
        ['debian', '-'],
      ],
    )
    expect(stdout).toBe('NAME    SIZE\n镜像    1 KiB\ndebian  -\n')
  })
  it('keeps a cell of several lines in its column', () => {
    printTable(['FIELD', 'VALUE'], [['kinds', 'git\nrsync']])
    expect(stdout).toBe('FIELD  VALUE\nkinds  git\n       rsync\n')
  })
})

it('JSON for programs is one line and ends it', () => {
  printJson({ a: [1, null] })
  expect(stdout).toBe('{"a":[1,null]}\n')
})

describe('an error', () => {
  const apiError = (code: ErrorCode) =>
    new ApiError({ code, status: errors[code].status, message: 'no', hint: 'do this', requestId: 'req-7' })

  it('names cause, cure and request, on stderr alone', () => {
    expect(reportError(apiError('not_found'), false)).toBe(3)
    expect([stdout, stderr]).toEqual(['', 'error: no  [not_found, req req-7]\nhint: do this\n'])
  })
  it('is JSON for programs', () => {
    expect(reportError(apiError('unauthorized'), true)).toBe(4)
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'unauthorized', message: 'no  [unauthorized, req req-7]', hint: 'do this' },
    })
  })
  it.each([
    ['of the API', apiError('conflict'), 5],
    ['of the network', new ApiError({ code: 'unreachable', status: 0, message: 'm', hint: 'h' }), 6],
    [
      'of a server that is no supervisor',
      new ApiError({ code: 'unexpected', status: 200, message: 'm', hint: 'h' }),
      1,
    ],
    ['of our own refusal', new Refusal('not_found', 'm'), 3],
    ['of the configuration', new ConfigError('m', 'h'), 2],
    ['of the words', new CommanderError(1, 'commander.unknownOption', 'm'), 2],
    ['that is no error: help was asked for', new CommanderError(0, 'commander.helpDisplayed', 'm'), 0],
    ['that is a fault', new TypeError('m'), 1],
  ])('%s has an exit code', (_, error, code) => expect(reportError(error, false)).toBe(code))
  it('that is a fault shows where it happened and asks for a report', () => {
    reportError(new TypeError('x is undefined'), false)
    expect(stderr).toMatch(/^error: TypeError: x is undefined\n\s+at .*output\.test\.ts/)
    expect(stderr).toContain('hint: This is a fault in Kagami.')
  })
})

// guess.test.ts — Pasting an upstream fills in what can be known from it.
import { describe, expect, it } from 'vitest'
import { guess } from './guess.ts'

describe('a pasted upstream', () => {
  it.each([
    ['rsync://deb.example.org/debian/', 'rsync', 'debian'],
    ['https://github.com/rust-lang/rust', 'git', 'rust'],
    ['https://git.example.org/pub/linux.git', 'git', 'linux'],
    ['git://git.kernel.org/pub/scm/git/git.git', 'git', 'git'],
    ['https://git.example.org/pub/linux.git/', 'git', 'linux'],
    ['ssh://git@git.example.org:2222/pub/linux', 'git', 'linux'],
    ['ssh://me@git.example.org/srv/pub/debian/', 'rsync', 'debian'],
    ['git@github.com:rust-lang/rust.git', 'git', 'rust'],
    ['file:///srv/git/linux.git', 'git', 'linux'],
    ['file:///srv/pub/debian/', 'rsync', 'debian'],
    ['https://dl.example.org/files/', 'http', 'files'],
    ['https://dl.example.org/a%20b/c%20d/', 'http', 'c-d'],
  ])('%s is %s, called %s', (upstream, kind, name) => expect(guess(upstream)).toEqual({ kind, name }))
  it('that is no URL says nothing', () => expect(guess('not a url')).toEqual({ kind: null, name: null }))
  it('never suggests a name that would be refused', () => {
    expect(guess('https://example.org/con').name).toBeNull()
    expect(guess('https://example.org/').name).toBeNull()
  })
})

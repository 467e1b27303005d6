// presets.test.ts — Presets are recognised by the addresses that are of them, and by no others.
import { expect, test } from 'vitest'
import { guess } from '../guess.ts'
import { replicaNameProblem, upstreamProblem } from '../names.ts'
import { HOST, presets } from './presets.ts'
import { lacksHost, presetOf, recognise } from './recognise.ts'

const at = (upstream: string) => recognise(upstream)?.id ?? null

test.each(presets.map((preset) => [preset.id, preset] as const))(
  '%s is recognised by its own address, which its kind allows',
  (id, preset) => {
    const upstream = preset.upstream.replace(HOST, 'mirror.example.org')
    expect([at(upstream), presetOf(id)]).toEqual([id, preset])
    expect([upstreamProblem(preset.kind, upstream), replicaNameProblem(preset.name)]).toEqual([null, null])
    expect(lacksHost(preset.upstream)).toBe(preset.notes.includes('chooseHost'))
    expect(lacksHost(upstream)).toBe(false)
    expect(guess(upstream).kind).toBe(preset.kind === 'command' ? 'http' : preset.kind)
  },
)

test('are sorted as people look for them, each with its own id and name', () => {
  const titles = presets.map(({ title }) => title.toLowerCase())
  expect(titles).toEqual(titles.toSorted())
  for (const key of ['id', 'name', 'title'] as const)
    expect(new Set(presets.map((preset) => preset[key])).size).toBe(presets.length)
})

test.each([
  ['rsync://ftp.example.org/debian', 'debian'],
  ['rsync://ftp.example.org/pub/linux/debian/', 'debian'],
  ['rsync://bob@ftp.example.org:8730/debian//', 'debian'],
  ['ssh://mirror@ftp.example.org/srv/ubuntu/', 'ubuntu'],
  ['rsync://ftp.example.org/epel/', 'epel'],
  ['rsync://ftp.example.org/pub/centos-stream/', 'centos-stream'],
  ['https://github.com/homebrew/Brew', 'homebrew'],
  ['https://pypi.org/simple/', 'pypi'],
])('%s is of the preset %s', (upstream, id) => expect(at(upstream)).toBe(id))

test.each([
  '',
  'debian',
  'rsync://debian/',
  'https://ftp.example.org/debian/',
  'rsync://ftp.example.org/debian-cd/',
  'rsync://ftp.example.org/debian/pool/',
  'rsync://ftp.example.org/centos-stream/9-stream/',
  'rsync://ftp.example.org/centos/',
  'https://example.org/Homebrew/brew.git',
  'https://github.com/somebody/brew.git',
])('%j is of no preset', (upstream) => expect(at(upstream)).toBeNull())

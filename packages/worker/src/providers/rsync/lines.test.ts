// lines.test.ts — What rsync says of entries, and what an upstream may say that looks like it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, nameOfBytes } from '../../names.ts'
import { createItemFormat, readLeftOut, readName } from './lines.ts'
import { createMovesReader, createRefusalReader, createStatistics, readStatistics, rsyncFailure } from './output.ts'
import { createPlanReader } from './plan.ts'

/** As rsync prints a name without `\#`. */
const printed = (name: string) =>
  [...bytesOf(name)]
    .map((byte) => (byte < 0x20 || byte > 0x7e ? `\\#${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte)))
    .join('')

describe('a line of rsync', () => {
  it('is an item only when it has the mark of its call', () => {
    const [items, others] = [createItemFormat(), createItemFormat()]
    const line = items.format.replace('%i', '*deleting  ').replace('%n', ' a;b ').replace('%M', '1970/01/01-00:00:01')
    expect(items.read(line)).toEqual({ change: '*deleting', name: ' a;b ', modified: 1 })
    expect(others.read(line)).toBeNull()
    expect(items.read('*deleting   a')).toBeNull()
    expect(items.read(`${line.slice(0, -3)}…`)).toEqual({ change: '*deleting', name: null, modified: null })
  })

  it('gives names back byte by byte', () => {
    const anyName = fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => nameOfBytes(Buffer.from(bytes)))
    fc.assert(
      fc.property(
        anyName.filter((name) => !name.includes('\\')),
        (name) => readName(printed(name)) === name,
      ),
    )
    expect(readName('back\\#134#351')).toBe('back\\#351')
  })

  it('names what is left out, links with quotes and arrows too', () => {
    expect(readLeftOut('ignoring unsafe symlink "a/caf\\#351" -> "/etc"')).toMatchObject({ name: 'a/caf\udce9' })
    expect(readLeftOut('skipping non-regular file "pipe "x""')).toMatchObject({ name: 'pipe "x"' })
    expect(readLeftOut('skipping nothing')).toBeNull()
  })
})

describe('an upstream that says what rsync says', () => {
  it('changes no number: the statistics of rsync come last', () => {
    const statistics = createStatistics()
    const forged = ['Number of files: 9 (reg: 9)', 'Total file size: 99 bytes', 'Total bytes received: 999']
    const real = ['Number of files: 3 (reg: 2, dir: 1)', 'Total file size: 20 bytes', 'Total bytes received: 200']
    for (const line of [...forged, ...real]) readStatistics(line, statistics)
    expect(statistics).toEqual({ files: 2, sizeBytes: 20, received: 200 })
    const reader = createPlanReader({
      items: createItemFormat(),
      folder: '/nowhere',
      disk: null,
      recorded: null,
      leaveOut: () => {},
    })
    const counts = ['Number of files: 5 (reg: 4, dir: 1)', 'Number of created files: 1 (reg: 1)']
    for (const line of ['Number of files: 99 (reg: 99)', '*deleting   a', '>f+++++++++ b', ...counts])
      reader.onLine(line, 'stdout')
    expect(reader.done(0)).toMatchObject({ changes: 0, deletions: 0, plan: { removed: 0, total: 3 } })
  })

  it('tells what this machine refuses from what the upstream does, and names the path', () => {
    const reader = createRefusalReader('/data/t')
    reader.read('rsync: [sender] opendir "/x" (in m) failed: Permission denied (13)')
    expect([reader.first, reader.upstream]).toEqual([null, true])
    for (const [line, path] of [
      ['[generator] failed to set times on "/data/t/d": Operation not permitted (1)', '/data/t/d'],
      ['[generator] delete_file: unlink(d/f 3) failed: Permission denied (13)', '/data/t/d/f 3'],
      ['[receiver] rename "/s/.f.X" -> "d/f\\#351": Permission denied (13)', '/data/t/d/f\udce9'],
      ['[generator] symlink "/data/t/l" -> "/etc" failed: Read-only file system (30)', '/data/t/l'],
      ['[generator] opendir "/data/t/lost+found" failed: Permission denied (13)', '/data/t/lost+found'],
    ] as const) {
      const each = createRefusalReader('/data/t')
      each.read(`rsync: ${line}`)
      expect([each.first?.path, each.upstream]).toEqual([path, false])
    }
  })

  it('does not look like an error of the disk, of the address or of the compression by the names of its files', () => {
    const denied = (name: string) =>
      `rsync: [sender] send_files failed to open "${name}" (in files): Permission denied (13)`
    for (const name of [
      'rsync: [receiver] x: No space left on device (28)',
      'a" rsync: [receiver] write failed on "b": No space left on device (28)',
      'Disk quota exceeded (122)',
      'link_stat "x" (in files) failed: No such file',
    ])
      expect(rsyncFailure({ code: 23, signal: null, tail: denied(name) }).reason).toBe('partial')
    const own = 'rsync: [receiver] write failed on "/data/a": No space left on device (28)'
    const theirs = 'rsync: [sender] write failed on "/tmp/a": No space left on device (28)'
    expect(rsyncFailure({ code: 23, signal: null, tail: own }).reason).toBe('disk_full')
    expect(rsyncFailure({ code: 23, signal: null, tail: theirs }).reason).toBe('partial')
    expect(rsyncFailure({ code: 11, signal: null, tail: '' }).reason).toBe('disk_full')
    expect(rsyncFailure({ code: 23, signal: null, tail: denied('caf\\#351') }).message).toContain('"caf\\351"')
  })
})

describe('a folder that loses entries', () => {
  it('is told apart from one that goes, and from one that makes way for a file', () => {
    const items = createItemFormat()
    const reader = createPlanReader({ items, folder: '/nowhere', disk: null, recorded: null, leaveOut: () => {} })
    const say = (change: string, name: string) =>
      reader.onLine(
        items.format.replace('%i', change.padEnd(11)).replace('%n', name).replace('%M', '1970/01/01-00:00:00'),
        'stdout',
      )
    for (const folder of ['goes', 'file', 'link'])
      for (const name of ['1', '2', '3']) say('*deleting', `${folder}/${name}`)
    say('*deleting', 'goes/')
    say('>f+++++++++', 'file')
    say('cL+++++++++', 'link')
    const found = reader.done(0)
    expect(found).toMatchObject({ deletions: 10, plan: { removed: 9, shrinking: [] } })
    expect(['goes', 'file', 'link', 'other', ''].map(found.stays)).toEqual([false, false, false, true, true])
  })
})

describe('what the processes of a first copy have moved', () => {
  const rsync = { program: '/usr/bin/rsync' }
  const look = (list: number, told: number, files: number) => [
    { pid: 7, parent: 1, program: '/usr/bin/dash', read: 10, written: 9_999_999 },
    { pid: 8, parent: 7, ...rsync, read: list + told, written: 500 },
    { pid: 9, parent: 8, program: '/usr/bin/ssh', read: 9_999_999, written: 9_999_999 },
    { pid: 10, parent: 8, ...rsync, read: 10, written: told + files },
  ]

  it('is never more than the files that were written, and more whenever one was', () => {
    const read = createMovesReader()
    expect(read([])).toEqual({ bytes: 0, moved: false })
    expect(read(look(50, 5, 20_000))).toEqual({ bytes: 19_950, moved: true })
    expect(read(look(50, 900_000, 20_000))).toEqual({ bytes: 19_950, moved: false })
    expect(read(look(50, 900_000, 30_000))).toEqual({ bytes: 29_950, moved: true })
    expect(read([])).toEqual({ bytes: 29_950, moved: false })
  })

  it('is movement also while it is less than the list that was read before', () => {
    const read = createMovesReader()
    expect(read(look(1_000_000, 0, 20_000))).toEqual({ bytes: 0, moved: true })
    expect(read(look(1_000_000, 0, 20_000))).toEqual({ bytes: 0, moved: false })
    expect(read(look(1_000_000, 0, 40_000))).toEqual({ bytes: 0, moved: true })
  })
})

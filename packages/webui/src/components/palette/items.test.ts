// items.test.ts — How the palette reads what somebody types.
import { expect, it } from 'vitest'
import { itemsWith, readRequest, type Verb } from './items.ts'

const chinese: Record<Verb, string> = { sync: '同步', pause: '暂停', resume: '恢复', logs: '日志', edit: '编辑' }
const read = (text: string) => readRequest(text, (verb) => chinese[verb])

it('takes the first word as what to do, in English and in the language of the viewer', () => {
  expect(read('sync debian')).toEqual({ verb: 'sync', name: 'debian' })
  expect(read('  Pause  debian @ sh-12 ')).toEqual({ verb: 'pause', name: 'debian @ sh-12' })
  expect(read('同步 debian')).toEqual({ verb: 'sync', name: 'debian' })
  expect(read('sync ')).toEqual({ verb: null, name: 'sync' })
})
it('takes a name that begins like a verb as a name', () => {
  expect(read('syncthing')).toEqual({ verb: null, name: 'syncthing' })
  expect(read('logs')).toEqual({ verb: null, name: 'logs' })
  expect(read('debian sync')).toEqual({ verb: null, name: 'debian sync' })
  expect(read('')).toEqual({ verb: null, name: '' })
})
it('finds what has every word, wherever it stands', () => {
  const items = [
    { id: '1', words: 'Add a mirror', run: () => {} },
    { id: '2', words: 'Mirrors', note: 'page', run: () => {} },
  ]
  expect(itemsWith(items, 'mirror').map(({ id }) => id)).toEqual(['1', '2'])
  expect(itemsWith(items, 'MIRROR add').map(({ id }) => id)).toEqual(['1'])
  expect(itemsWith(items, 'page mirrors').map(({ id }) => id)).toEqual(['2'])
  expect(itemsWith(items, 'worker')).toEqual([])
})

// useReplicaForm.test.ts — Whether a folder may be an upstream depends on the worker, once one is chosen.
import type { Worker } from '@kagami/protocol'
import { expect, test } from 'vitest'
import { ref, shallowRef } from 'vue'
import { emptyForm } from '../adding/typed.ts'
import { useReplicaForm } from './useReplicaForm.ts'

const aWorker = (roots?: string[]) =>
  ({
    worker_id: 'w',
    name: 'w',
    kinds: [{ kind: 'rsync', available: true, detail: '', options: {}, ...(roots ? { roots } : {}) }],
  }) as unknown as Worker

test('an upstream that is a folder', () => {
  const worker = shallowRef<Worker | null>(null)
  const { typed, upstreamTyped, problems } = useReplicaForm(emptyForm(''), { worker, namesakes: ref([]) })
  typed.upstream = 'file:///srv/in/debian'
  upstreamTyped()
  expect([typed.kind, typed.name, problems.value['upstream']]).toEqual(['rsync', 'debian', undefined])
  worker.value = aWorker()
  expect(problems.value['upstream']).toContain('allows none')
  worker.value = aWorker(['/srv/other'])
  expect(problems.value['upstream']).toContain('must be below a folder that the worker allows: /srv/other')
  worker.value = aWorker(['/srv/in'])
  expect(problems.value['upstream']).toBeUndefined()
})

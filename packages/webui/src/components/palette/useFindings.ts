// useFindings.ts — Replicas, mirrors and workers that fit what is typed into the palette. The server finds them.
import type { Replica, Resource, Worker } from '@kagami/protocol'
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api, isAborted, problemOf, type Problem } from '../../api.ts'

const AFTER_KEY_MS = 150
const EACH = 6

export interface Findings {
  readonly replicas: readonly Replica[]
  readonly replicasTotal: number
  readonly mirrors: readonly Resource[]
  readonly workers: readonly Worker[]
}
const NOTHING: Findings = { replicas: [], replicasTotal: 0, mirrors: [], workers: [] }

/** What fits `text` now; nothing for an empty one. What was found before stays until the next is there. */
export function useFindings(text: () => string): {
  findings: ShallowRef<Findings>
  searching: Ref<boolean>
  problem: Ref<Problem | null>
} {
  const findings = shallowRef(NOTHING)
  const searching = ref(false)
  const problem = ref<Problem | null>(null)
  let current = new AbortController()
  let timer = 0
  async function find(q: string): Promise<void> {
    const own = (current = new AbortController())
    try {
      const found = await askServer(q, own.signal)
      if (own !== current) return
      findings.value = found
      problem.value = null
    } catch (error) {
      if (own === current && !isAborted(error)) problem.value = problemOf(error)
    }
    if (own === current) searching.value = false
  }
  const stop = (): void => {
    window.clearTimeout(timer)
    current.abort()
  }
  watch(text, (q) => {
    stop()
    searching.value = q !== ''
    if (q === '') findings.value = NOTHING
    else timer = window.setTimeout(() => void find(q), AFTER_KEY_MS)
  })
  onScopeDispose(stop)
  return { findings, searching, problem }
}

async function askServer(q: string, signal: AbortSignal): Promise<Findings> {
  // NAME@WORKER is how the command line and the toasts write a replica.
  const [name = '', worker = ''] = q.split('@')
  const exact = worker === '' ? {} : { worker: worker.trim() }
  const query = { q: name.trim(), limit: EACH }
  const [replicas, mirrors, workers] = await Promise.all([
    api.call('listReplicas', { query: { ...query, ...exact }, signal }),
    api.call('listResources', { query, signal }),
    api.call('listWorkers', { query, signal }),
  ])
  return {
    replicas: replicas.items,
    replicasTotal: replicas.total,
    mirrors: mirrors.items,
    workers: workers.items,
  }
}

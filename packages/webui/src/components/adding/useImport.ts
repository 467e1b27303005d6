// useImport.ts — What a configuration would change on a worker: asked for, chosen from, and done row by row.
import type { ImportPlan, ImportRow } from '@kagami/protocol'
import { computed, ref, shallowRef, watch } from 'vue'
import { api, problemOf, type Problem } from '../../api.ts'
import { useWrite } from '../../composables/useWrite.ts'
import { useSession } from '../../stores/session.ts'

/** What became of one row. */
export interface Taken {
  readonly result: 'added' | 'edited' | 'refused'
  readonly problem: Problem | null
}

/** The import of a text into a worker. `worker`: its id. */
export function useImport(worker: { readonly value: string }, text: { readonly value: string }) {
  const { busy, problem, run } = useWrite()
  const session = useSession()
  const plan = shallowRef<ImportPlan | null>(null)
  const chosen = ref<readonly string[]>([])
  const taken = ref<Readonly<Record<string, Taken>>>({})
  const possible = (row: ImportRow): boolean => row.state === 'new' || row.state === 'changed'
  const rows = computed(() => plan.value?.rows ?? [])
  /** Something else was typed or chosen. */
  watch([worker, text], () => {
    plan.value = null
    taken.value = {}
    problem.value = null
  })
  async function look(): Promise<void> {
    taken.value = {}
    await run(async () => {
      plan.value = await api.call('planImport', { params: { id: worker.value }, body: { text: text.value } })
    })
    chosen.value = rows.value.filter(({ state }) => state === 'new').map(({ name }) => name)
  }
  /** Takes over what is chosen; what one refuses does not keep the others from it. Returns how many refused. */
  async function take(paused: boolean): Promise<number> {
    const wanted = rows.value.filter((row) => possible(row) && chosen.value.includes(row.name))
    const results: Record<string, Taken> = {}
    await run(async () => {
      for (const row of wanted) results[row.name] = await takeOne(row, paused)
    })
    const failed = Object.entries(results).filter(([, { problem: said }]) => said !== null)
    if (failed.some(([, { problem: said }]) => said?.code === 'unauthorized')) session.refused()
    await look()
    taken.value = results
    chosen.value = failed.map(([name]) => name)
    return failed.length
  }
  async function takeOne(row: ImportRow, paused: boolean): Promise<Taken> {
    try {
      if (row.state === 'changed' && row.replica_id && row.patch) {
        const headers = row.etag ? { 'if-match': row.etag } : {}
        await api.call('editReplica', { params: { id: row.replica_id }, headers, body: row.patch })
        return { result: 'edited', problem: null }
      }
      const body = { ...row.replica!, ...(paused ? { paused } : {}) }
      await api.call('addReplica', { params: { id: worker.value }, body })
      return { result: 'added', problem: null }
    } catch (error) {
      return { result: 'refused', problem: problemOf(error) }
    }
  }
  return { busy, problem, plan, rows, chosen, taken, possible, look, take }
}

// useKinds.ts — The kinds to filter replicas by.
import type { Replica } from '@kagami/protocol'
import { computed, type ComputedRef } from 'vue'
import { api } from '../../api.ts'
import { useFetched } from '../../composables/useFetched.ts'
import { useFleet } from '../../stores/fleet.ts'
import { kindsOf } from './kinds.ts'

/** Workers to fetch. Each announces its kinds with all their options, some 16 kB, and most announce the same. */
const WORKERS = 10

/** The kinds of the first workers and of the `replicas` on screen, and those that are `chosen`. */
export function useKinds(replicas: () => readonly Replica[], chosen: () => readonly string[]): ComputedRef<string[]> {
  const fleet = useFleet()
  const { value: workers } = useFetched(
    () => fleet.summary?.workers.approved ?? 0,
    async (signal) =>
      fleet.summary?.workers.approved
        ? (await api.call('listWorkers', { query: { admission: 'approved', limit: WORKERS }, signal })).items
        : [],
  )
  return computed(() => kindsOf({ workers: workers.value ?? [], replicas: replicas(), chosen: chosen() }))
}

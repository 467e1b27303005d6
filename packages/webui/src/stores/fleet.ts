// fleet.ts — The summary of the whole fleet: fetched once, then updated by the event stream.
import type { Summary } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { api, problemOf, type Problem } from '../api.ts'
import { useClock } from './clock.ts'
import { useLive } from './live.ts'

/** The summary; null until the first one has arrived. */
export const useFleet = defineStore('fleet', () => {
  const summary = shallowRef<Summary | null>(null)
  const problem = ref<Problem | null>(null)
  const live = useLive()
  const clock = useClock()
  async function refresh(): Promise<void> {
    try {
      summary.value = await api.call('summary')
      problem.value = null
      clock.set(summary.value.at)
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  live.listen((events) => {
    const last = events.findLast((event) => event.type === 'summary')
    if (!last) return
    summary.value = last.summary
    problem.value = null
    clock.set(last.summary.at)
  })
  watch(() => live.epoch, refresh)
  const failed = computed(() => summary.value?.health_counts['failed'] ?? 0)
  const pending = computed(() => summary.value?.workers.pending ?? 0)
  return { summary, problem, refresh, failed, pending }
})

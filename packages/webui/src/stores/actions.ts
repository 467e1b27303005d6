// actions.ts — The decisions that the supervisor holds for some seconds: fetched once, then kept by the event stream.
import { type PendingAction } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { shallowRef, watch } from 'vue'
import { api } from '../api.ts'
import { useLive } from './live.ts'

/** The decisions that are held now, the next one first. */
export const useHeldActions = defineStore('actions', () => {
  const actions = shallowRef<readonly PendingAction[]>([])
  const live = useLive()
  async function refresh(): Promise<void> {
    // Without an answer the page says that it is offline, and asks again when it no longer is.
    actions.value = await api.call('listActions').catch(() => actions.value)
  }
  live.listen((events) => {
    const last = events.findLast((event) => event.type === 'actions')
    if (last) actions.value = last.actions
  })
  watch(() => live.epoch, refresh)
  return { actions, refresh }
})

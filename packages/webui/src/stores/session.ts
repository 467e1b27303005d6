// session.ts — Who we are to the supervisor, and whether we may change things.
import type { Session } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../api.ts'
import { readToken, writeToken } from '../token.ts'
import { useClock } from './clock.ts'

/** The session: open or token, signed in or not. */
export const useSession = defineStore('session', () => {
  const session = ref<Session | null>(null)
  const asking = ref(false)
  const clock = useClock()
  const signedIn = computed(() => session.value?.auth === 'token' && session.value.authenticated)
  const canWrite = computed(
    () => session.value !== null && (session.value.auth === 'none' || session.value.authenticated),
  )

  async function refresh(): Promise<void> {
    const answer = await api.call('session')
    clock.learn(answer.server_time)
    session.value = answer
  }
  /** Tries a token; says whether it is good and keeps it only then. */
  async function signIn(token: string): Promise<boolean> {
    const before = readToken()
    writeToken(token)
    try {
      await refresh()
    } catch (error) {
      writeToken(before)
      throw error
    }
    if (session.value?.authenticated) return true
    writeToken(null)
    return false
  }
  function signOut(): void {
    writeToken(null)
    if (session.value) session.value = { ...session.value, authenticated: session.value.auth === 'none' }
  }
  /** A write was answered 401: the token is no longer good. */
  function lost(): void {
    if (session.value) session.value = { ...session.value, auth: 'token', authenticated: false }
    asking.value = true
  }
  return { session, asking, signedIn, canWrite, refresh, signIn, signOut, lost }
})

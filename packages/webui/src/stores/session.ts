// session.ts — Whether the viewer is signed in, and may change things.
import type { Session } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../api.ts'
import { readToken, writeToken } from '../token.ts'
import { useClock } from './clock.ts'

/** The session as the supervisor reports it, and signing in and out. */
export const useSession = defineStore('session', () => {
  const session = ref<Session | null>(null)
  /** Whether the dialog to sign in is open. */
  const dialogOpen = ref(false)
  const clock = useClock()
  const signedIn = computed(() => session.value?.auth === 'token' && session.value.authenticated)
  const canWrite = computed(
    () => session.value !== null && (session.value.auth === 'none' || session.value.authenticated),
  )

  async function refresh(): Promise<void> {
    const answer = await api.call('session')
    clock.set(answer.server_time)
    session.value = answer
  }
  /** Stores a token if the supervisor accepts it. Returns whether it does. */
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
  /** A write was answered with 401: the token is no longer valid. Asks for another one. */
  function tokenRefused(): void {
    if (session.value) session.value = { ...session.value, auth: 'token', authenticated: false }
    dialogOpen.value = true
  }
  return { session, dialogOpen, signedIn, canWrite, refresh, signIn, signOut, tokenRefused }
})

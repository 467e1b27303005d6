// session.ts — Whether the viewer is signed in, and may change things.
import { includesRole, type Role, type Session } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../api.ts'
import { readToken, writeToken } from '../token.ts'
import { useClock } from './clock.ts'

/** What is known of who is not signed in. */
const NOBODY = { authenticated: false, name: null, role: null, scope: {}, expires_at: null } as const

/** The session as the supervisor reports it, and signing in and out. */
export const useSession = defineStore('session', () => {
  const session = ref<Session | null>(null)
  /** Whether the dialog to sign in is open. */
  const dialogOpen = ref(false)
  const clock = useClock()
  const signedIn = computed(() => session.value?.auth === 'token' && session.value.authenticated)
  /** Whether the viewer has a role, or one that includes it. */
  const may = (needed: Role): boolean => Boolean(session.value?.role && includesRole(session.value.role, needed))
  const tabs = new BroadcastChannel('kagami-session')
  tabs.addEventListener('message', () => {
    void refresh().then(() => {
      if (signedIn.value) dialogOpen.value = false
    })
  })

  async function refresh(): Promise<void> {
    const answer = await api.call('session')
    clock.set(answer.server_time)
    session.value = answer
  }
  /** Has the other tabs of this browser look again who is signed in. */
  const tellOthers = (): void => tabs.postMessage('changed')
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
    if (session.value?.authenticated) {
      tellOthers()
      return true
    }
    writeToken(null)
    return false
  }
  /** Forgets the token, and ends the session; returns where one signs out at the provider, too. */
  async function signOut(): Promise<string | null> {
    writeToken(null)
    const { provider_url } = await api.call('signOut')
    if (session.value?.auth === 'token') session.value = { ...session.value, ...NOBODY }
    tellOthers()
    return provider_url
  }
  /** A write was answered with 401: the token, or the session, is no longer valid. Asks to sign in again. */
  function refused(): void {
    if (session.value) session.value = { ...session.value, ...NOBODY, auth: 'token' }
    dialogOpen.value = true
  }
  return { session, dialogOpen, signedIn, may, refresh, signIn, signOut, refused, tellOthers }
})

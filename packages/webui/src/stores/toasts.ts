// toasts.ts — Short messages about what was just done. They disappear by themselves; errors stay until closed.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { Problem } from '../api.ts'

/** Where a toast leads. */
export interface ToastLink {
  readonly to: string
  readonly words: string
}
export interface Toast {
  readonly id: number
  readonly text: string
  readonly link: ToastLink | null
  readonly problem: Problem | null
}
const SHOWN_MS = 8000

/** The toasts on screen, oldest first. */
export const useToasts = defineStore('toasts', () => {
  const toasts = ref<Toast[]>([])
  let next = 1
  function close(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }
  function show(text: string, link: ToastLink | null = null): void {
    const id = next++
    toasts.value = [...toasts.value, { id, text, link, problem: null }].slice(-4)
    window.setTimeout(() => close(id), SHOWN_MS)
  }
  function showProblem(problem: Problem): void {
    toasts.value = [...toasts.value, { id: next++, text: problem.message, link: null, problem }].slice(-4)
  }
  return { toasts, show, showProblem, close }
})

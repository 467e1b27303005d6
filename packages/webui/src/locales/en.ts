// en.ts — English, complete. The words of each part of the UI stand in their own file.
import { actions } from './en-actions.ts'
import { lists } from './en-lists.ts'
import { pages } from './en-pages.ts'
import { shell } from './en-shell.ts'

/** All English words, by key. */
export const en = { ...shell, ...lists, ...pages, ...actions }

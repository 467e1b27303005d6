// en.ts — English. The texts of each part of the UI are in a file of their own.
import { actions } from './en-actions.ts'
import { bulk } from './en-bulk.ts'
import { history } from './en-history.ts'
import { lists } from './en-lists.ts'
import { pages } from './en-pages.ts'
import { settings } from './en-settings.ts'
import { shell } from './en-shell.ts'
import { storage } from './en-storage.ts'
import { trial } from './en-trial.ts'

/** All English texts, by key. */
export const en = { ...shell, ...lists, ...pages, ...history, ...storage, ...trial, ...settings, ...actions, ...bulk }

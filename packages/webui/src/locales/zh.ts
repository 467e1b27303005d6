// zh.ts — 简体中文. Loaded only by who reads it.
import { actions } from './zh-actions.ts'
import { bulk } from './zh-bulk.ts'
import { history } from './zh-history.ts'
import { lists } from './zh-lists.ts'
import { pages } from './zh-pages.ts'
import { settings } from './zh-settings.ts'
import { shell } from './zh-shell.ts'
import { storage } from './zh-storage.ts'
import { trial } from './zh-trial.ts'

/** All Chinese texts, by key. */
export const zh = { ...shell, ...lists, ...pages, ...history, ...storage, ...trial, ...settings, ...actions, ...bulk }

// state-file.ts — The one way to read and write what a program keeps: checked, and with the version before it beside
// it. Damaged is told from missing; what is damaged is said, set aside, and never overwritten.
import { createHash } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { linkSync, lstatSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { checkFor } from '@kagami/protocol'
import type Type from 'typebox'
import type { Static } from 'typebox'
import { ConfigError } from '../config.ts'
import { couldNotLook, readProblem } from './disk-error.ts'
import { removeDurably, writeDurably } from './files.ts'
import type { Logger } from '../logger.ts'

/** How a value is written as text, and told from text that is no such value. */
export interface StateForm<T> {
  write(value: T): string
  /** Null when the text is not a whole value. */
  read(text: string): T | null
}

/** Something that was kept and is not whole. */
export interface Damage {
  readonly path: string
  /** After the path: "is empty". */
  readonly problem: string
  /** What is used now: the version before it, what other files say, or nothing. */
  readonly instead: 'previous' | 'elsewhere' | null
  /** Where the damaged file is now; null when it is where it was, or was missing. */
  readonly aside: string | null
  /** What follows where nothing is used instead. */
  readonly without: string | null
}

/** How one file is kept. */
export interface StateOptions<T> {
  readonly path: string
  readonly form: StateForm<T>
  readonly mode?: number
  /** Called once for what is damaged and was set aside. Absent: damage is refused, and nothing is touched. */
  readonly onDamage?: ((damage: Damage) => void) | undefined
  /** What other files say of the value. */
  readonly elsewhere?: () => T | null
  /** What follows when nothing is left of it. Absent: then it is refused, because the value must not be guessed. */
  readonly without?: string
  /** What to do when it is refused. */
  readonly cure?: string
  /** Form of the copy, when the file itself carries no checksum. */
  readonly copyForm?: StateForm<T>
  /** Judges a whole value that is not the one of the copy. */
  readonly judge?: (value: T, copy: T) => 'own' | 'damaged' | 'unclear'
}

/** One file with what a program keeps. */
export interface StateFile<T> {
  readonly path: string
  /** Null when nothing was ever kept, or nothing is left of it. Throws ConfigError when it must not be guessed. */
  read(): T | null
  write(value: T): void
  /** Removes it with the version before it; both stay removed after a power cut. */
  remove(): void
}

/** Opens one file; nothing is read yet. */
export function openStateFile<T>(options: StateOptions<T>): StateFile<T> {
  const { path } = options
  return {
    path,
    read: () => readState(options),
    write: (value) => writeState(options, value),
    remove() {
      // In this order: a previous version without the present one would be taken for damage.
      rmSync(previousOf(path), { force: true, recursive: true })
      removeDurably(path)
    },
  }
}

/** The version before it, which lies beside it. */
export function previousOf(path: string): string {
  return `${path}.previous`
}

const SEALED = /^([\s\S]*),"checksum":"([0-9a-f]{64})"\}\s*$/

/** A JSON object of this schema, with a checksum as last field. Without one it is of an earlier version, or edited. */
export function sealedJson<S extends Type.TSchema>(schema: S): StateForm<Static<S>> {
  return {
    write(value) {
      const text = JSON.stringify(value)
      return `${text.slice(0, -1)},"checksum":"${sumOf(text)}"}\n`
    },
    read(text) {
      const sealed = SEALED.exec(text)
      const body = sealed ? `${sealed[1]}}` : text
      if (sealed && sumOf(body) !== sealed[2]) return null
      try {
        const value: unknown = JSON.parse(body)
        return checkFor(schema).ok(value) ? value : null
      } catch {
        return null
      }
    },
  }
}

/** One line of text that `whole` accepts. */
export function oneLine(whole: (text: string) => boolean): StateForm<string> {
  return {
    write: (text) => `${text}\n`,
    read(text) {
      const line = text.trim()
      return whole(line) ? line : null
    },
  }
}

/** The copy of one line of text: with a checksum, so that it can say which of the two was changed. */
export function copyOfLine(whole: (text: string) => boolean): StateForm<string> {
  return {
    write: (text) => `${text}\n${sumOf(text)}\n`,
    read(text) {
      const [line = '', sum] = text.split('\n')
      return whole(line) && sumOf(line) === sum ? line : null
    },
  }
}

/** Says damage in the log, once for each file: what happened, what is used, what is still fine, what to do. */
export function logDamage(logger: Logger): (damage: Damage) => void {
  return ({ path, problem, instead, aside, without }) => {
    const used =
      instead === 'previous'
        ? 'the version before it is used instead'
        : instead === 'elsewhere'
          ? 'what other files say of it is used instead'
          : (without ?? 'nothing is left of it')
    const kept = aside ? ` The damaged one is kept as ${aside}: remove it when nobody needs it.` : ''
    const text = `${path} ${problem}; ${used}. Published files are as they were.${kept} Look at the disk (dmesg, df)`
    if (instead) logger.warn({ file: path }, text)
    else logger.error({ file: path }, text)
  }
}

/** Moves a damaged file or directory aside, under a name nothing has. Returns the new path; null when that fails. */
export function setAside(path: string): string | null {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  for (let count = 0; count < 1000; count++) {
    const aside = `${path}.damaged-${stamp}${count ? `-${count}` : ''}`
    if (lstatSync(aside, { throwIfNoEntry: false })) continue
    try {
      renameSync(path, aside)
      return aside
    } catch {
      return null
    }
  }
  return null
}

/** A value, or why there is none; neither when there is no such file. */
interface Look<T> {
  readonly value?: T
  readonly problem?: string
  /** What the system said, where that is the problem. */
  readonly error?: unknown
}

function readState<T>(options: StateOptions<T>): T | null {
  const { path } = options
  const found = look(path, options.form)
  const copy = look(previousOf(path), options.copyForm ?? options.form)
  if (found.value !== undefined) {
    const verdict = judge(options, found.value, copy)
    if (verdict === 'damaged') return recover(options, { problem: 'is not what was written' }, copy)
    if (verdict === 'new' || verdict === 'own') tryTo(() => writeCopy(options, found.value as T))
    return found.value
  }
  if (found.problem === undefined && copy.value === undefined && copy.problem === undefined)
    return options.elsewhere && elsewhere(options) !== null ? recover(options, found, copy) : null
  return recover(options, found, copy)
}

/** Only a file without a checksum is judged by its copy; the others by their own. */
function judge<T>(options: StateOptions<T>, value: T, copy: Look<T>): 'same' | 'new' | 'own' | 'damaged' {
  if (!options.copyForm || !options.onDamage) return 'same'
  if (copy.value === undefined) return 'new'
  if (copy.value === value) return 'same'
  const verdict = options.judge?.(value, copy.value) ?? 'own'
  if (verdict !== 'unclear') return verdict
  throw new ConfigError(
    `${options.path} and its copy ${previousOf(options.path)} hold different values, and which is right is not known`,
    `Remove the one that is wrong. ${options.cure ?? ''}`.trim(),
  )
}

function elsewhere<T>({ elsewhere: ask }: StateOptions<T>): T | null {
  return ask?.() ?? null
}

/** What is used in place of a damaged value. Throws ConfigError, and touches nothing, when it must not be guessed. */
function recover<T>(options: StateOptions<T>, found: Look<T>, copy: Look<T>): T | null {
  const { path, onDamage, without } = options
  const problem = found.problem ?? 'is missing'
  const value = copy.value ?? elsewhere(options)
  if (!onDamage || (value === null && without === undefined))
    throw new ConfigError(
      `${path} ${problem}${value === null ? ', and no earlier version of it can be used' : ''}; nothing was changed`,
      options.cure ?? 'Start the worker or supervisor that writes it: it uses the version before it.',
      { cause: found.error },
    )
  const aside = found.problem ? setAside(path) : null
  if (copy.problem) setAside(previousOf(path))
  if (value !== null) tryTo(() => writeState(options, value))
  const instead = copy.value !== undefined ? 'previous' : value === null ? null : 'elsewhere'
  onDamage({ path, problem, instead, aside, without: without ?? null })
  return value
}

/** Throws ConfigError when the process has no means to look: then the file may be whole. */
function look<T>(path: string, form: StateForm<T>): Look<T> {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) return { problem: 'is a directory' }
    if (!stat.isFile()) return { problem: 'is not a file' }
    if (stat.size === 0) return { problem: 'is empty' }
    const bytes = readFileSync(path)
    const value = isUtf8(bytes) ? form.read(bytes.toString('utf8')) : null
    return value === null ? { problem: 'is damaged' } : { value }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    if (couldNotLook(error)) throw new ConfigError(`${path} ${readProblem(error)}`, 'Start it again with more means.')
    return { problem: readProblem(error), error }
  }
}

function writeState<T>(options: StateOptions<T>, value: T): void {
  const { path, form, mode = 0o600 } = options
  const kept = !options.copyForm && tryTo(() => keepPresent(path))
  writeDurably(path, form.write(value), mode)
  // After the file itself: a copy alone would be taken for what is left of a lost file.
  if (!kept) tryTo(() => writeCopy(options, value))
}

/** Gives the present version a second name; the new one then takes its first. */
function keepPresent(path: string): void {
  const temporary = `${previousOf(path)}.${process.pid}.tmp`
  rmSync(temporary, { force: true })
  linkSync(path, temporary)
  renameSync(temporary, previousOf(path))
}

/** Not flushed: it is needed only when the file itself is damaged. */
function writeCopy<T>({ path, form, copyForm, mode = 0o600 }: StateOptions<T>, value: T): void {
  const temporary = `${previousOf(path)}.${process.pid}.tmp`
  writeFileSync(temporary, (copyForm ?? form).write(value), { mode })
  renameSync(temporary, previousOf(path))
}

/** A copy is not worth an error: the file itself is written or refused in its own right. */
function tryTo(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

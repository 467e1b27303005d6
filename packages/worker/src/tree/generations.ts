// generations.ts — publish = "swap": whole trees beside each other, one of them published by a symbolic link that is
// replaced in one step.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { INTACT } from '@kagami/protocol'
import { readJsonIfThere, writeDurably } from '@kagami/runtime'
import { SyncFailure, type Fork, type RunCommand } from '../provider.ts'
import { applyFork } from './apply-fork.ts'
import { compareTrees, copyInFull, copyTree, countTree, linkUnchanged, sharesBlocks } from './copy.ts'
import { flushPath, flushTree } from './flush.ts'
import { paths } from './paths.ts'
import { freeBytes, hasRoom } from './space.ts'

export interface GenerationOptions {
  readonly dataDir: string
  readonly name: string
  readonly run: RunCommand
  /** How many earlier generations are kept. */
  readonly keep: number
  /** Told when a copy could not be made by hard links, with the reason in the system's words. */
  readonly onLinksRefused?: (why: string) => void
  /** Whether a copy must share no file with the published tree. */
  readonly apart?: boolean
}

export interface Generation {
  readonly number: number
  /** When it was first published. */
  readonly at: Date
}

/** The number of the published generation; null when the published tree is a plain directory or missing. */
export function currentGeneration(dataDir: string, name: string): number | null {
  const link = lstatSync(paths.published(dataDir, name), { throwIfNoEntry: false })
  if (!link?.isSymbolicLink()) return null
  const target = readlinkSync(paths.published(dataDir, name))
  const number = Number(basename(target))
  return dirname(target) === relative(dataDir, paths.generations(dataDir, name)) && Number.isInteger(number)
    ? number
    : null
}

/** Every kept generation, oldest first. */
export function listGenerations(dataDir: string, name: string): Generation[] {
  const folder = paths.generations(dataDir, name)
  if (!existsSync(folder)) return []
  const numbers = readdirSync(folder)
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .sort((a, b) => a - b)
  return numbers.map((number) => ({ number, at: statSync(join(folder, String(number))).ctime }))
}

/**
 * Publishes `tree` (a finished directory on the same filesystem) as the next generation. Readers see the tree before or
 * this one.
 */
export async function publishGeneration(tree: string, options: GenerationOptions): Promise<number> {
  const { dataDir, name, run } = options
  const folder = paths.generations(dataDir, name)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  await flushTree(tree, run)
  const last = listGenerations(dataDir, name).at(-1)?.number ?? 0
  const number = last + 1
  renameSync(tree, join(folder, String(number)))
  flushPath(folder)
  pointTo(options, number)
  await prune(options, number)
  return number
}

/**
 * Publishes an earlier generation again: `to`, or the one before the published. Returns its number. Throws SyncFailure
 * when there is none.
 */
export function rollBack(options: Pick<GenerationOptions, 'dataDir' | 'name'>, to: number | null): number {
  const current = currentGeneration(options.dataDir, options.name)
  const kept = listGenerations(options.dataDir, options.name).map(({ number }) => number)
  const wanted = to ?? kept.filter((number) => current !== null && number < current).at(-1) ?? null
  if (wanted === null || !kept.includes(wanted)) {
    throw new SyncFailure(
      'local_conflict',
      current === null
        ? 'it is not published with publish = "swap", so nothing earlier is kept'
        : `generation ${wanted ?? current - 1} is not kept; there are ${kept.join(', ')}`,
    )
  }
  pointTo(options, wanted)
  return wanted
}

/** A copy of the published tree, to be published as the next generation. */
export async function forkGeneration(options: GenerationOptions): Promise<Fork> {
  const path = await copyPublished(options)
  return {
    path,
    async publish() {
      const madeAtMs = options.apart === true ? (forkNote(options)?.copiedAtMs ?? null) : null
      forgetFork(options)
      const published = paths.published(options.dataDir, options.name)
      // Nobody writes into either from now on.
      if (madeAtMs !== null) await linkUnchanged({ fork: path, published, madeAtMs }, `${path}.link`)
      await publishGeneration(path, options)
    },
    ...lookingAt(path, options),
  }
}

/** A copy of a tree that is published in place: what was checked in it is put into the published tree. */
export async function forkInPlace(options: GenerationOptions): Promise<Fork> {
  const { dataDir, name, run } = options
  const path = await copyPublished(options)
  return {
    path,
    async publish() {
      const copiedAtMs = forkNote(options)?.copiedAtMs ?? null
      forgetFork(options)
      const aside = join(paths.generations(dataDir, name), 'aside')
      await applyFork({ fork: path, published: paths.published(dataDir, name), aside, run, copiedAtMs })
      await dropFork(options)
    },
    ...lookingAt(path, options),
  }
}

function lookingAt(fork: string, options: GenerationOptions): Pick<Fork, 'compare' | 'drop'> {
  return {
    compare() {
      const note = forkNote(options)
      const linked = note?.copiedAtMs == null
      // A copy whose note is gone is compared as one that may have been touched everywhere.
      const madeAtMs = note?.copiedAtMs ?? note?.linkedAtMs ?? 0
      return compareTrees({ fork, published: paths.published(options.dataDir, options.name), madeAtMs, linked })
    },
    drop: () => dropFork(options),
  }
}

/**
 * Publishes a copy of a folder where nothing is published, in one step. A copy that a kill left half made is no fork:
 * the next run removes it.
 */
export async function publishCopyOf(
  from: string,
  options: Pick<GenerationOptions, 'dataDir' | 'name' | 'run'>,
): Promise<void> {
  const path = join(paths.generations(options.dataDir, options.name), 'next')
  await dropFork(options)
  await copyInFull(from, path, options.run)
  await publishFirst(path, paths.published(options.dataDir, options.name), options.run)
}

/** Makes a finished tree the published one, where none is, in one step. */
export async function publishFirst(tree: string, published: string, run: RunCommand): Promise<void> {
  await flushTree(tree, run)
  renameSync(tree, published)
  flushPath(dirname(published))
}

/** Whether a copy that an earlier run left is used again, since the published tree is still the one it was made of. */
export function hasFork(options: Pick<GenerationOptions, 'dataDir' | 'name' | 'apart'>): boolean {
  const left = forkNote(options)
  if (left === null || (options.apart === true && left.copiedAtMs === null)) return false
  return left.base === currentGeneration(options.dataDir, options.name)
}

/** A copy of the published tree in a folder nobody reads: by hard links, or in full where these are refused. */
async function copyPublished(options: GenerationOptions): Promise<string> {
  const { dataDir, name, run } = options
  const path = join(paths.generations(dataDir, name), 'next')
  if (hasFork(options)) return path
  await dropFork(options)
  const from = paths.published(dataDir, name)
  mkdirSync(path, { recursive: true, mode: 0o755 })
  const refused = existsSync(from) && options.apart !== true ? await copyTree(from, path, run) : null
  if (refused !== null) options.onLinksRefused?.(refused)
  if (existsSync(from) && options.apart === true) await copyApart(from, path, run)
  const madeAtMs = statSync(path).ctimeMs
  const isFull = refused !== null || options.apart === true
  const note: ForkNote = {
    base: currentGeneration(dataDir, name),
    copiedAtMs: isFull ? madeAtMs : null,
    linkedAtMs: isFull ? null : madeAtMs,
  }
  writeDurably(`${path}.json`, JSON.stringify(note))
  return path
}

/** A copy that shares blocks at most; the room for one that does not even that is asked for before. */
async function copyApart(from: string, to: string, run: RunCommand): Promise<void> {
  if (!(await sharesBlocks(to, run))) {
    const { sizeBytes } = await countTree(from)
    if (!hasRoom(to, sizeBytes))
      throw new SyncFailure(
        'disk_full',
        `the program works in a copy of the tree: ${Math.ceil(sizeBytes / 1024 ** 2)} MiB, and ` +
          `${Math.floor(freeBytes(to) / 1024 ** 2)} MiB are free; nothing was begun`,
        {
          hint:
            `${INTACT} Free some space. Or, in worker.toml, set tree = "linked" for a command that replaces files ` +
            'and never writes into one, or tree = "direct" for one that may work where people read.',
        },
      )
  }
  await copyInFull(from, to, run)
}

interface ForkNote {
  /** The generation it was made of. */
  readonly base: number | null
  /** When a copy in full was complete, by the clock of its filesystem; null for one by hard links. */
  readonly copiedAtMs: number | null
  /** The same for one by hard links. */
  readonly linkedAtMs: number | null
}

function forkNote({ dataDir, name }: Pick<GenerationOptions, 'dataDir' | 'name'>): ForkNote | null {
  const path = join(paths.generations(dataDir, name), 'next')
  const note = readJsonIfThere(`${path}.json`) as Partial<ForkNote> | null
  if (!note || note.base === undefined || !existsSync(path)) return null
  const timeOf = (value: unknown) => (typeof value === 'number' ? value : null)
  return { base: note.base, copiedAtMs: timeOf(note.copiedAtMs), linkedAtMs: timeOf(note.linkedAtMs) }
}

/** From now on a copy is not taken for one of the published tree: that is about to change. */
function forgetFork({ dataDir, name }: Pick<GenerationOptions, 'dataDir' | 'name'>): void {
  rmSync(join(paths.generations(dataDir, name), 'next.json'), { force: true })
}

/** Removes a copy that was not published. */
export async function dropFork({ dataDir, name }: Pick<GenerationOptions, 'dataDir' | 'name'>): Promise<void> {
  forgetFork({ dataDir, name })
  for (const left of ['next', 'aside'])
    await rm(join(paths.generations(dataDir, name), left), { recursive: true, force: true })
}

/** Publishes the newest generation when a crash left none published. */
export function restorePublished(options: Pick<GenerationOptions, 'dataDir' | 'name'>): void {
  const newest = listGenerations(options.dataDir, options.name).at(-1)
  if (newest && !lstatSync(paths.published(options.dataDir, options.name), { throwIfNoEntry: false }))
    pointTo(options, newest.number)
}

/**
 * Publishes a generation: replaces the link in one step. A plain directory, left from publish = "in-place", must first
 * be moved out of the way; that happens once, for an instant.
 */
export function pointTo({ dataDir, name }: Pick<GenerationOptions, 'dataDir' | 'name'>, number: number): void {
  const published = paths.published(dataDir, name)
  const folder = paths.generations(dataDir, name)
  const link = join(folder, 'link')
  rmSync(link, { force: true })
  symlinkSync(join(relative(dataDir, folder), String(number)), link)
  const found = lstatSync(published, { throwIfNoEntry: false })
  if (found?.isDirectory()) renameSync(published, join(folder, '0'))
  renameSync(link, published)
  flushPath(dataDir)
}

/**
 * Makes the published generation a plain folder again, without the others. Between two steps readers find nothing for
 * an instant; a start after a kill publishes the one that is left.
 */
export async function leaveGenerations(options: Pick<GenerationOptions, 'dataDir' | 'name'>): Promise<void> {
  const { dataDir, name } = options
  const current = currentGeneration(dataDir, name)
  const folder = paths.generations(dataDir, name)
  if (current !== null) {
    for (const { number } of listGenerations(dataDir, name))
      if (number !== current) await rm(join(folder, String(number)), { recursive: true, force: true })
    const published = paths.published(dataDir, name)
    rmSync(published)
    renameSync(join(folder, String(current)), published)
    flushPath(dataDir)
  }
  await rm(folder, { recursive: true, force: true })
}

async function prune({ dataDir, name, keep }: GenerationOptions, current: number): Promise<void> {
  const earlier = listGenerations(dataDir, name).filter(({ number }) => number < current)
  for (const { number } of earlier.slice(0, Math.max(0, earlier.length - keep))) {
    await rm(join(paths.generations(dataDir, name), String(number)), { recursive: true, force: true })
  }
}

// repository.ts — The files of a bare repository that we keep in order ourselves: config, HEAD, leftovers, listings for
// web servers. Starts no program.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { OWN_REFS } from '../git-refs/selection.ts'
import { bytesOf, pathBytes } from '../../names.ts'

const LOCKS = [
  'HEAD.lock',
  'packed-refs.lock',
  'packed-refs.new',
  'config.lock',
  'shallow.lock',
  'gc.pid',
  'gc.pid.lock',
  'objects/info/commit-graph.lock',
  'objects/maintenance.lock',
  'info/refs.lock',
  'objects/info/packs.lock',
  'lfs/kagami.json.lock',
]

/** Files of objects/info that name other repositories whose objects count too. */
export const BORROWED = ['alternates', 'http-alternates']

/** Whether a directory looks like a bare repository; a HEAD that is lost is made anew. */
export function isRepository(gitDir: string): boolean {
  return ['objects', 'refs'].every((entry) => existsSync(join(gitDir, entry)))
}

/**
 * Removes what a killed run left behind: locks and half-written packs. Call only while no other process works in
 * `gitDir`.
 */
export function removeLeftovers(gitDir: string): void {
  for (const lock of LOCKS) rmSync(join(gitDir, lock), { force: true })
  for (const folder of ['objects', 'objects/pack']) {
    const temporary = entries(join(gitDir, folder)).filter(
      (entry) => /^(tmp_|\.tmp-|incoming-)/.test(entry) || entry.endsWith('.lock'),
    )
    for (const entry of temporary) rmSync(join(gitDir, folder, entry), { recursive: true, force: true })
  }
}

/** Names of the files of all packs. */
export function packFiles(gitDir: string): ReadonlySet<string> {
  return new Set(entries(join(gitDir, 'objects', 'pack')))
}

/** Paths below `objects` of all packs and loose objects. */
export function objectFiles(gitDir: string): ReadonlySet<string> {
  const objects = join(gitDir, 'objects')
  const folders = entries(objects).filter((entry) => entry === 'pack' || /^[0-9a-f]{2}$/.test(entry))
  return new Set(folders.flatMap((folder) => entries(join(objects, folder)).map((file) => `${folder}/${file}`)))
}

/** Removes every pack and loose object that is not among `known`. Call only when no ref needs them. */
export function removeObjectsBut(gitDir: string, known: ReadonlySet<string>): void {
  // The index first: without it git does not look for the pack.
  const added = [...objectFiles(gitDir)]
    .filter((file) => !known.has(file))
    .sort((a, b) => Number(b.endsWith('.idx')) - Number(a.endsWith('.idx')))
  for (const file of added) rmSync(join(gitDir, 'objects', file), { force: true })
}

/**
 * Writes config as it must be: what stands there is code to git, and the address in it is published. No hooks either.
 */
export function writeConfig(gitDir: string, upstream: string, idLength: number): void {
  replaceFile(join(gitDir, 'config'), configText(upstream, idLength))
  rmSync(join(gitDir, 'hooks'), { recursive: true, force: true })
}

/** Writes config where it is not one of ours; the address in it stays until objects of another have come. */
export function settleConfig(gitDir: string, upstream: string, idLength: number): void {
  const url = /^\turl = "(.*)"$/m.exec(readIfThere(join(gitDir, 'config')) ?? '')?.[1]
  writeConfig(gitDir, url?.replace(/\\(.)/g, '$1') ?? upstream, idLength)
}

/** Length of the ids that config says the objects have, hex digits. */
export function configuredIdLength(gitDir: string): number {
  return /^\s*objectformat\s*=\s*sha256\s*$/im.test(readIfThere(join(gitDir, 'config')) ?? '') ? 64 : 40
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function configText(upstream: string, idLength: number): string {
  const format =
    idLength === 64
      ? ['\trepositoryformatversion = 1', '[extensions]', '\tobjectformat = sha256', '[core]']
      : ['\trepositoryformatversion = 0']
  const url = upstream.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  const lines = [
    '[core]',
    ...format,
    '\tfilemode = true',
    '\tbare = true',
    '[gc]',
    '\tauto = 0',
    '[transfer]',
    `\thideRefs = ${OWN_REFS}`,
    '[remote "origin"]',
    `\turl = "${url}"`,
    '\tfetch = +refs/*:refs/*',
    '\tmirror = true',
    '',
  ]
  return lines.join('\n')
}

/**
 * Writes the listings by which a plain web server can offer the repository, as `git update-server-info` does; `refs` is
 * the text of that of refs.
 */
export function writeServerListings(gitDir: string, refs: string): void {
  // Not flushed: a listing lost in a power cut is made again with the next change, and git itself does not read it.
  replaceFile(join(gitDir, 'info', 'refs'), bytesOf(refs), false)
  listPacks(gitDir)
}

/** Writes the list of packs alone. git's own command would list refs too, also those that no reader sees. */
export function listPacks(gitDir: string): void {
  const packs = entries(join(gitDir, 'objects', 'pack'))
    .filter((entry) => entry.endsWith('.pack'))
    .sort()
  replaceFile(join(gitDir, 'objects', 'info', 'packs'), `${packs.map((pack) => `P ${pack}\n`).join('')}\n`, false)
}

/** Bytes of all objects. */
export function objectBytes(gitDir: string): number {
  const objects = join(gitDir, 'objects')
  const folders = entries(objects).filter((entry) => entry === 'pack' || /^[0-9a-f]{2}$/.test(entry))
  let bytes = 0
  for (const folder of folders) {
    for (const entry of entries(join(objects, folder)))
      bytes += statSync(join(objects, folder, entry), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Puts a new file in place of the old one, whole and flushed, only when the content differs; says whether it did. */
export function replaceFile(file: string, content: string | Buffer, flush = true): boolean {
  const path = pathBytes(file)
  if (existsSync(path) && readFileSync(path).equals(typeof content === 'string' ? Buffer.from(content) : content))
    return false
  mkdirSync(pathBytes(dirname(file)), { recursive: true })
  // The name of git's own locks: it can be no ref, and the next run removes it.
  const temporary = pathBytes(`${file}.lock`)
  const handle = openSync(temporary, 'w', 0o644)
  try {
    // Not writeSync: on a disk that is nearly full it writes a part, and says so only in what it returns.
    writeFileSync(handle, content)
    if (flush) fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, path)
  return true
}

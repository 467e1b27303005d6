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
import { infoRefs, type RemoteRefs } from './refs.ts'

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
  'lfs/kagami.json.kagami-new',
]

/** Whether a directory looks like a bare repository. */
export function isRepository(gitDir: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((entry) => existsSync(join(gitDir, entry)))
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

/** Removes every pack that is not among `known`. Call only when no ref needs them. */
export function removePacksBut(gitDir: string, known: ReadonlySet<string>): void {
  // The index first: without it git does not look for the pack.
  const added = [...packFiles(gitDir)]
    .filter((file) => !known.has(file))
    .sort((a, b) => Number(b.endsWith('.idx')) - Number(a.endsWith('.idx')))
  for (const file of added) rmSync(join(gitDir, 'objects', 'pack', file), { force: true })
}

/**
 * Writes config as it must be: what stands there is code to git, and the address in it is published. No hooks either.
 */
export function writeConfig(gitDir: string, upstream: string, idLength: number): void {
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
    '[remote "origin"]',
    `\turl = "${url}"`,
    '\tfetch = +refs/*:refs/*',
    '\tmirror = true',
    '',
  ]
  replaceFile(join(gitDir, 'config'), lines.join('\n'))
  rmSync(join(gitDir, 'hooks'), { recursive: true, force: true })
}

/** Points HEAD where the upstream's points; leaves it when the upstream does not tell. Returns whether it changed. */
export function writeHead(gitDir: string, remote: Pick<RemoteRefs, 'head' | 'headId'>): boolean {
  if (remote.head) return replaceFile(join(gitDir, 'HEAD'), `ref: ${remote.head}\n`)
  return remote.headId ? replaceFile(join(gitDir, 'HEAD'), `${remote.headId}\n`) : false
}

/** Writes the listings by which a plain web server can offer the repository, as `git update-server-info` does. */
export function writeServerListings(
  gitDir: string,
  local: ReadonlyMap<string, string>,
  peeled: ReadonlyMap<string, string>,
): void {
  const packs = entries(join(gitDir, 'objects', 'pack'))
    .filter((entry) => entry.endsWith('.pack'))
    .sort()
  // Not flushed: a listing lost in a power cut is made again with the next change, and git itself does not read it.
  replaceFile(join(gitDir, 'info', 'refs'), infoRefs(local, peeled), false)
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

/** Puts a new file in place of the old one, whole and flushed, only when the text differs; says whether it did. */
export function replaceFile(path: string, text: string, flush = true): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.kagami-new`
  const handle = openSync(temporary, 'w', 0o644)
  try {
    // Not writeSync: on a disk that is nearly full it writes a part, and says so only in what it returns.
    writeFileSync(handle, text)
    if (flush) fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, path)
  return true
}

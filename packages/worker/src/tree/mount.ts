// mount.ts — A replica whose folder is a disk of its own: a first copy is staged on that disk, where web servers cannot
// enter, and its entries are then moved up one by one. What was begun is finished at the next start.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Policy } from '@kagami/protocol'
import { pathBytes, readEntries, removePath } from '../names.ts'
import { SyncFailure, type RunCommand } from '../provider.ts'
import { flushPath, flushTree } from './flush.ts'

const STAGING = '.kagami-staging'
const PUBLISHING = '.kagami-publishing'
/** What names other files comes after them. */
const LAST = ['dists', 'refs', 'packed-refs', 'HEAD']

/** Names at the top of a disk that are no part of a copy. */
export const NO_CONTENT: readonly string[] = ['lost+found', STAGING, PUBLISHING]

/** Whether a folder is the mount point of a disk, or of a folder that is mounted there. */
export function isMountPoint(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  if (!found?.isDirectory()) return false
  if (found.dev !== statSync(dirname(folder)).dev) return true
  return mountPoints().includes(realpathSync(folder))
}

/** Where the first copy of a folder that is a disk is staged; the folder above it is the worker's alone. */
export const stagingOnDisk = (published: string): string => join(published, STAGING, 'tree')

/** Makes the folder that hides what is staged from other users. */
export function openStaging(published: string): void {
  mkdirSync(join(published, STAGING), { recursive: true, mode: 0o700 })
}

/** Throws SyncFailure local_conflict when the policy needs a second tree beside the published one. */
export function refuseMountPoint(published: string, { publish, verify }: Pick<Policy, 'publish' | 'verify'>): void {
  if (publish !== 'swap' && verify === 'none') return
  const needs = publish === 'swap' ? 'publish = "swap"' : `verify = "${verify}"`
  throw new SyncFailure(
    'local_conflict',
    `${published} is a disk of its own, and ${needs} needs a folder of the disk of data_dir; nothing was fetched`,
    { hint: `Mount the disk as data_dir, or use publish = "in-place"${verify === 'none' ? '' : ' without verify'}.` },
  )
}

/** Publishes what is staged on the disk. A crash leaves a copy that `finishPublishing` completes. */
export async function publishOnDisk(published: string, run: RunCommand): Promise<void> {
  await flushTree(stagingOnDisk(published), run)
  renameSync(join(published, STAGING), join(published, PUBLISHING))
  flushPath(published)
  finishPublishing(published)
}

/** Moves up what a publish has not moved yet; nothing when none was begun. */
export function finishPublishing(published: string): void {
  const staged = join(published, PUBLISHING, 'tree')
  if (!existsSync(join(published, PUBLISHING))) return
  if (existsSync(staged)) moveUp(staged, published)
  removePath(join(published, PUBLISHING))
  flushPath(published)
}

/** Takes what a first copy remembers from the disk to where later syncs look for it. */
export async function leaveDisk(published: string, staging: string, run: RunCommand): Promise<void> {
  const left = stagingOnDisk(published)
  if (existsSync(left)) {
    mkdirSync(staging, { recursive: true })
    await run('cp', ['-a', '--', `${left}/.`, `${staging}/`])
  }
  await rm(join(published, STAGING), { recursive: true, force: true })
}

function moveUp(staged: string, published: string): void {
  const { mode, atime, mtime } = statSync(staged)
  const names = readEntries(staged).map(({ name }) => name)
  const ordered = names.sort((a, b) => LAST.indexOf(a) - LAST.indexOf(b))
  for (const name of ordered) {
    if (NO_CONTENT.includes(name)) continue
    renameSync(pathBytes(join(staged, name)), pathBytes(join(published, name)))
  }
  chmodSync(published, mode & 0o7777)
  utimesSync(published, atime, mtime)
}

function mountPoints(): string[] {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return lines.map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
  } catch {
    return []
  }
}

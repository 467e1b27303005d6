// harms.ts — What a disk can do to a worker, each by a real filesystem: how such a disk is mounted, what inflicts the
// harm and mends it, and what a worker must say. Needs root.
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fetchProgram, findProgram } from '@kagami/runtime'
import { fillDisk } from '../harness/own-nats.ts'

/** A mounted disk. */
export interface Disk {
  readonly path: string
  /** Mounts it again after it was unmounted, or failed. */
  remount(): void
  /** Unmounts it and removes what it was made of. */
  end(): void
}

export interface Harm {
  readonly reasons: readonly string[]
  readonly cure: RegExp
  /** The program that starts the worker, where that must have fewer rights. */
  readonly through?: readonly string[]
  /** Harms only what is there already. */
  readonly needsFiles?: true
  /** A disk with open files cannot be harmed so. */
  readonly needsIdle?: true
  /** Only a disk without open files can be mended: it is mounted anew. */
  readonly mendsIdle?: true
  /** Nothing can be read either, until it is mended. */
  readonly hides?: true
  mount(path: string): Disk
  /** `paths`: what on the disk is harmed, where a part can be. Returns what mends it. */
  inflict(disk: Disk, paths: readonly string[]): () => void
}

/** Runs a program to its end. Throws when it fails. */
export const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' }).toString()

/** Root writes everywhere: this takes that right away. */
const WITHOUT_RIGHTS = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner,-chown', '--']

/** The user whose files `another owner` makes them. */
export const STRANGER = '12345'

/** Every harm by its name. */
export const HARMS: Readonly<Record<string, Harm>> = {
  'no space': {
    reasons: ['disk_full'],
    cure: /[Ff]ree space/,
    mount: mountMemory,
    inflict({ path }) {
      const filling = fillDisk(path)
      return () => rmSync(filling)
    },
  },
  'no inodes': {
    reasons: ['disk_full'],
    cure: /df -i/,
    mount: mountMemory,
    inflict({ path }) {
      const folder = join(path, 'filling')
      mkdirSync(folder)
      for (let n = 0, full = false; !full; n++) full = !tryCreate(join(folder, String(n)))
      return () => rmSync(folder, { recursive: true })
    },
  },
  'quota used up (EDQUOT)': {
    reasons: ['disk_full'],
    cure: /quota/,
    mount: mountWithQuota,
    inflict({ path }) {
      const filling = fillDisk(path)
      return () => {
        rmSync(filling)
        // Until then it counts.
        run('btrfs', 'filesystem', 'sync', path)
      }
    },
  },
  'mounted read-only (EROFS)': {
    reasons: ['disk_error'],
    cure: /mount -o remount,rw/,
    needsIdle: true,
    mount: mountMemory,
    inflict({ path }) {
      run('mount', '-o', 'remount,ro', path)
      return () => run('mount', '-o', 'remount,rw', path)
    },
  },
  'read-only after an error (EROFS)': {
    reasons: ['disk_error'],
    cure: /mount -o remount,rw/,
    mendsIdle: true,
    mount: mountImage,
    inflict(disk) {
      run('sync', '-f', disk.path)
      run('mount', '-o', 'remount,abort', disk.path)
      return () => disk.remount()
    },
  },
  'failed (EIO)': {
    reasons: ['disk_error'],
    cure: /dmesg/,
    hides: true,
    mount: mountImage,
    inflict(disk) {
      run('sync', '-f', disk.path)
      // What the filesystem itself does when its disk fails it, by EXT4_IOC_SHUTDOWN.
      run('perl', '-e', 'open F, "<", shift; $how = pack "I", 1; ioctl F, 0x8004587d, $how or die $!', disk.path)
      return () => disk.remount()
    },
  },
  'another owner (EACCES)': {
    // Where files of others cannot be linked, a swap is refused before.
    reasons: ['local_denied', 'local_conflict'],
    cure: /chown -|lsattr|Move it away/,
    through: WITHOUT_RIGHTS,
    mount: mountMemory,
    inflict(_disk, paths) {
      for (const path of paths) run('chown', '-Rh', STRANGER, path)
      return () => paths.forEach((path) => run('chown', '-Rh', '0', path))
    },
  },
  'immutable (EPERM)': {
    reasons: ['local_denied'],
    cure: /lsattr/,
    mount: mountMemory,
    inflict(_disk, paths) {
      const real = paths.filter((path) => !lstatSync(path).isSymbolicLink())
      for (const path of real) run('chattr', '-R', '+i', path)
      return () => real.forEach((path) => run('chattr', '-R', '-i', path))
    },
  },
  'changed behind the mount (ESTALE)': {
    reasons: ['disk_error'],
    // To link such a file is refused with ENOENT, which no command is known for.
    cure: /mount it again|Look at the disk/,
    needsFiles: true,
    mount: mountOverlay,
    inflict(disk, paths) {
      for (const path of paths) {
        run('find', path, '-ls')
        const behind = path.replace(disk.path, join(layers(disk.path), 'upper'))
        const again = 'mv "$1" "$1~" && cp -a "$1~" "$1" && rm "$1~"'
        run('find', behind, '(', '-type', 'f', '-o', '-type', 'l', ')', '-exec', 'sh', '-c', again, 'sh', '{}', ';')
      }
      return () => disk.remount()
    },
  },
  'not mounted': {
    reasons: ['missing_disk'],
    cure: /[Mm]ount/,
    hides: true,
    mount: mountBound,
    inflict(disk) {
      run('umount', '-l', disk.path)
      return () => disk.remount()
    },
  },
}

/** Fetches what making these disks needs and is not installed. */
export async function fetchDiskTools(): Promise<void> {
  if (findProgram('mkfs.btrfs') && findProgram('btrfs')) return
  const bin = await fetchProgram({ program: 'mkfs.btrfs', package: 'btrfs-progs' })
  process.env['PATH'] = [bin, process.env['PATH'] ?? ''].join(delimiter)
}

/** What is published; before a first copy nothing is, and the whole data_dir stands for it. */
export function publishedIn(dataDir: string): string[] {
  const found = ['copy', '.generations'].map((name) => join(dataDir, name)).filter((path) => existsSync(path))
  return found.length > 0 ? found : [dataDir]
}

function mountMemory(path: string): Disk {
  const mount = () => {
    mkdirSync(path, { recursive: true })
    run('mount', '-t', 'tmpfs', '-o', 'mode=755,size=160m,nr_inodes=3000', 'kagami-test', path)
  }
  mount()
  return { path, remount: mount, end: () => unmount(path) }
}

/** A folder of another disk, mounted here: it outlives being unmounted, as a disk does. */
function mountBound(path: string): Disk {
  const behind = mountMemory(`${path}.disk`)
  const mount = () => run('mount', '--bind', behind.path, path)
  mkdirSync(path, { recursive: true })
  mount()
  return {
    path,
    remount: mount,
    end() {
      unmount(path)
      behind.end()
    },
  }
}

function mountImage(path: string): Disk {
  return mountFile(path, '160M', (image) => run('mkfs.ext4', '-q', '-N', '3000', image))
}

function mountWithQuota(path: string): Disk {
  const disk = mountFile(path, '400M', (image) => run('mkfs.btrfs', '-q', '-m', 'single', image))
  run('btrfs', 'quota', 'enable', path)
  run('btrfs', 'qgroup', 'limit', '32M', path)
  return disk
}

function mountFile(path: string, size: string, format: (image: string) => void): Disk {
  const image = `${path}.img`
  writeFileSync(image, '')
  truncateSync(image, parseInt(size) * 1024 * 1024)
  format(image)
  mkdirSync(path, { recursive: true })
  const mount = () => void run('mount', '-o', 'loop', image, path)
  mount()
  return {
    path,
    remount() {
      run('umount', path)
      mount()
    },
    end() {
      unmount(path)
      rmSync(image)
    },
  }
}

const layers = (path: string) => `${path}.layers`

function mountOverlay(path: string): Disk {
  const behind = mountMemory(layers(path))
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(behind.path, name))
  for (const folder of [lower, upper, work, path]) mkdirSync(folder!, { recursive: true })
  const mount = () =>
    run('mount', '-t', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, 'kagami-test', path)
  mount()
  return {
    path,
    remount() {
      run('umount', path)
      mount()
    },
    end() {
      unmount(path)
      behind.end()
    },
  }
}

function unmount(path: string): void {
  run('umount', '-l', path)
  if (readdirSync(path).length > 0) throw new Error(`something was written below the mount point ${path}`)
}

function tryCreate(path: string): boolean {
  try {
    writeFileSync(path, '')
    return true
  } catch {
    return false
  }
}

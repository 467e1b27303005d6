// package-state.ts — What the package system of a Debian machine is doing, and what it has installed. Reads only;
// starts no program.
import { readFileSync, statSync } from 'node:fs'

/** Locks that dpkg and apt hold while they change what is installed. */
export const PACKAGE_LOCKS: readonly string[] = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock']

/** States in which the files of a package are on the disk, whatever else is still to be done with it. */
const IN_PLACE = /^Status: \S+ (ok) (installed|unpacked|half-configured|triggers-awaited|triggers-pending)$/m

/** Fields by which an installed package makes demands on others. */
const DEMANDS =
  /^(Depends|Pre-Depends|Recommends|Suggests|Enhances|Breaks|Conflicts|Conffiles|Essential|Important|Protected):/

/**
 * A text for apt in place of dpkg's `status`, by which every package whose files are there is installed and content:
 * so what is broken on this machine, or half-way installed, keeps no other package from being found.
 */
export function contentStatus(status: string): string {
  const stanzas = status.split(/\n{2,}/).filter((stanza) => IN_PLACE.test(stanza) && /^Package: \S/m.test(stanza))
  return stanzas
    .map(
      (stanza) =>
        `${fieldsOf(stanza)
          .filter((field) => !DEMANDS.test(field))
          .join('\n')}\n\n`,
    )
    .join('')
}

/** The fields of a stanza, each with the lines that go on with it. */
function fieldsOf(stanza: string): string[] {
  return stanza
    .replace(IN_PLACE, 'Status: install ok installed')
    .trim()
    .split(/\n(?![ \t])/)
    .filter((field) => /^[A-Za-z][A-Za-z0-9-]*:/.test(field))
}

/** Who holds one of these locks, as "apt-get (process 123)"; null when nobody does, or that cannot be known. */
export function lockHolder(locks: readonly string[] = PACKAGE_LOCKS): string | null {
  const inodes = locks.flatMap((lock) => statSync(lock, { throwIfNoEntry: false })?.ino ?? [])
  const held = linesOf('/proc/locks')
    .map((line) => /\bPOSIX\s+ADVISORY\s+WRITE\s+(-?\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line))
    .find((found) => found && inodes.includes(Number(found[2])))
  if (!held) return null
  const pid = Number(held[1])
  const name = pid > 0 ? linesOf(`/proc/${pid}/comm`)[0] : undefined
  return name ? `${name} (process ${pid})` : 'another program'
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}

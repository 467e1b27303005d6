// serve/rsyncd.ts — A configuration of rsync --daemon for the copies in a data_dir. Pure.
import type { Listen } from './place.ts'

export interface RsyncModule {
  readonly dir: string
  readonly name: string
  readonly listen: Listen
  /** The patterns of what is hidden, a list for each name. */
  readonly hidden: readonly (readonly string[])[]
}

/** The text of rsyncd.conf. */
export function rsyncdModule({ dir, name, listen, hidden }: RsyncModule): string {
  const lines = [
    `port = ${listen.port}`,
    ...(listen.address === null ? [] : [`address = ${listen.address.replace(/^\[|\]$/g, '')}`]),
    '',
    `[${name}]`,
    `    path = ${dir}`,
    '    comment = mirrors kept by Kagami',
    '    # Nobody can upload or delete anything, and nobody signs in: no secret is needed.',
    '    read only = yes',
    '    list = yes',
    '    # Paths and links of clients end at the folder above. For a daemon that is not started by root: no.',
    '    use chroot = yes',
    '    # Names of users of this machine are nobody else’s business, and are not there inside of a chroot.',
    '    numeric ids = yes',
    '    # With publish = "swap" <name> is a link into .generations: clients follow it with a slash at the end,',
    `    #   rsync -a rsync://HOST/${name}/NAME/ DIR/`,
    '    # and links are given to them as they are. No copy has a link that leads out of it.',
    '    munge symlinks = no',
    '    # With --checksum a client would let this machine read every byte of every file.',
    '    refuse options = checksum',
    '    # What is compressed already is sent as it is.',
    '    dont compress = *.gz *.tgz *.bz2 *.xz *.zst *.zip *.deb *.rpm *.iso *.img *.jar *.whl *.pack',
    '    # A client that stands still gives its place free.',
    '    timeout = 600',
    '    # What Kagami keeps beside and in the copies. The daemon applies this to every path before any rule of a',
    '    # client, also to what a client asks by name: no client can undo it.',
    `    exclude = ${hidden.map((patterns) => patterns.join(' ')).join(' \\\n        ')}`,
  ]
  return `${lines.join('\n')}\n`
}

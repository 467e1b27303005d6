// serve/nginx.ts — A server of nginx for the copies in a data_dir. Pure.
import type { Listen } from './place.ts'

export interface WebSite {
  readonly dir: string
  readonly host: string | null
  readonly listen: Listen
  /** The expression of what is hidden. */
  readonly hidden: string
  /** Program that answers git-lfs; null: none. */
  readonly lfs: { readonly program: string; readonly socket: string } | null
}

/** The text of a file for /etc/nginx/conf.d. */
export function nginxSite({ dir, host, listen, hidden, lfs }: WebSite): string {
  const { address, port } = listen
  const lines = [
    'server {',
    `    listen ${address ? `${address}:` : ''}${port};`,
    ...(address ? [] : ['    # Also over IPv6, where this machine has it:', `    # listen [::]:${port};`]),
    `    server_name ${host ?? '_'};`,
    '',
    `    root "${dir}";`,
    '',
    '    # What Kagami keeps beside and in the copies. nginx has decoded and resolved the path before it looks here:',
    '    # %2e, "//", "/./", "..", queries. It looks before it chooses a location, so none below can undo this.',
    '    merge_slashes on;',
    `    if ($uri ~* "${hidden}") { return 404; }`,
    '',
    '    location / {',
    '        # Listings. nginx never lists names that begin with a dot, but serves those of the upstreams:',
    '        # .htaccess, .treeinfo, .well-known are files like all others, and nothing in them is obeyed. It does',
    '        # list lost+found of a disk and files that are just being written (*.kagami-part), but not serve them.',
    '        autoindex on;',
    '        # publish = "swap": <name> is a link into .generations. No copy has a link that leads out of it.',
    '        disable_symlinks off;',
    '        # Files are sent as they lie there: .gz stays a file of its own, and parts of files can be requested.',
    '        gzip off;',
    '        # "/name" is sent to "/name/" on the host and port that the reader used.',
    '        absolute_redirect off;',
    '    }',
    ...(lfs ? lfsLocation(lfs) : LFS_HOW),
    '}',
  ]
  return `${lines.join('\n')}\n`
}

/** What stands in place of the rules for LFS objects. */
export const LFS_HOW: readonly string[] = [
  '',
  '    # The LFS objects of git copies lie below <name>/lfs/objects, but git-lfs finds them only where a program',
  '    # answers it: kagami serve-config lfs --output FILE, and then this configuration with --lfs FILE.',
]

function lfsLocation({ program, socket }: NonNullable<WebSite['lfs']>): string[] {
  return [
    '',
    '    # git-lfs asks here where the objects of a repository are; it then fetches them as plain files. nginx starts',
    '    # no programs: fcgiwrap does.',
    '    location ~ "^/[^/]+/info/lfs/objects/batch$" {',
    '        client_max_body_size 1m;',
    `        fastcgi_param SCRIPT_FILENAME "${program}";`,
    '        fastcgi_param REQUEST_METHOD $request_method;',
    '        fastcgi_param REQUEST_SCHEME $scheme;',
    '        fastcgi_param REQUEST_URI $uri;',
    '        fastcgi_param CONTENT_LENGTH $content_length;',
    `        fastcgi_pass unix:${socket};`,
    '    }',
  ]
}

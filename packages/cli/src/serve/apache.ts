// serve/apache.ts — A virtual host of Apache 2.4 for the copies in a data_dir. Pure.
import { LFS_HOW, type WebSite } from './nginx.ts'
import type { OwnNames } from '@kagami/worker'

/** The text of a file for /etc/apache2/sites-available. `own`: names that listings leave out. */
export function apacheSite(site: WebSite, own: OwnNames): string {
  const { dir, host, listen, hidden, lfs } = site
  const at = `${listen.address ?? '*'}:${listen.port}`
  const lines = [
    // Debian's ports.conf has port 80, and a second Listen of it does not start.
    ...(listen.port === 80 && listen.address === null ? [] : [`Listen ${listen.address ? at : listen.port}`]),
    `<VirtualHost ${at}>`,
    ...(host === null ? [] : [host.startsWith('*') ? `    ServerAlias ${host}` : `    ServerName ${host}`]),
    `    DocumentRoot "${dir}"`,
    '',
    '    # What Kagami keeps beside and in the copies. Apache has decoded and resolved the path before it looks',
    '    # here: %2e, "//", "/./", "..", queries. It applies this last, so nothing else in this file can undo it.',
    '    AllowEncodedSlashes Off',
    `    <LocationMatch "(?i)${hidden}">`,
    '        Redirect 404',
    '        Require all denied',
    '    </LocationMatch>',
    '',
    `    <Directory "${dir}">`,
    '        # Listings; and links are followed: with publish = "swap" <name> is a link into .generations. No copy',
    '        # has a link that leads out of it.',
    '        Options Indexes FollowSymLinks',
    '        IndexOptions FancyIndexing NameWidth=* SuppressDescription Charset=UTF-8',
    '        DirectoryIndex index.html',
    '        IndexIgnoreReset On',
    `        IndexIgnore ${ignored(own).join(' ')}`,
    '        # .htaccess of an upstream is a file like all others: served, never obeyed.',
    '        AllowOverride None',
    '        AllowOverrideList None',
    '        Require all granted',
    '        <FilesMatch "^\\.ht">',
    '            Require all granted',
    '        </FilesMatch>',
    '        # Nothing of an upstream is run, whatever PHP, CGI and other modules are told elsewhere.',
    '        AcceptPathInfo Off',
    '        <If "-f %{REQUEST_FILENAME}">',
    '            SetHandler default-handler',
    '        </If>',
    '        # Files are sent as they lie there: .gz stays a file of its own, and parts of files can be requested.',
    '        <IfModule mime_module>',
    '            RemoveEncoding .gz .tgz .Z .bz2 .xz .zst .br',
    '        </IfModule>',
    '        <IfModule env_module>',
    '            SetEnv no-gzip 1',
    '            SetEnv no-brotli 1',
    '        </IfModule>',
    '    </Directory>',
    ...(lfs ? lfsRules(lfs.program) : LFS_HOW),
    '</VirtualHost>',
  ]
  return `${lines.join('\n')}\n`
}

/** "." and ".." are what a listing has of its own. */
const ignored = ({ names, suffixes, tops }: OwnNames) =>
  ['.', ...names, ...suffixes.map((suffix) => `*${suffix}`), ...tops].map((name) => `"${name}"`)

function lfsRules(program: string): string[] {
  return [
    '',
    '    # git-lfs asks here where the objects of a repository are; it then fetches them as plain files.',
    `    ScriptAliasMatch "^/+[^/]+/+info/+lfs/+objects/+batch$" "${program}"`,
    `    <Files "${program.slice(program.lastIndexOf('/') + 1)}">`,
    '        Require all granted',
    '    </Files>',
    `    <Directory "${program.slice(0, program.lastIndexOf('/')) || '/'}">`,
    '        AllowOverride None',
    '        Options +ExecCGI',
    '        LimitRequestBody 1048576',
    '    </Directory>',
  ]
}

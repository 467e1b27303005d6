// web-servers.ts — Real web servers with directory listings, on loopback: nginx, Apache, lighttpd, Caddy. From PATH,
// else fetched from Debian's archive.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { freePort } from '@kagami/demo'
import { fetchProgram, findProgram } from '@kagami/runtime'

export interface WebServer {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

export interface WebServerOptions {
  /** What it serves. */
  readonly root: string
  /** Where it keeps what it needs; made when missing. */
  readonly state: string
  readonly port?: number
  /**
   * Serves https with these files; the names of all connections that asked for something are then in `access.log` of
   * `state` (nginx).
   */
  readonly tls?: { readonly certificate: string; readonly key: string }
  /** More lines for the server's own configuration (nginx, Apache). */
  readonly rules?: string
  /**
   * A server of nginx, or a virtual host of Apache, in place of the one that is described here. Apache then has many
   * modules, and a configuration that would run, compress and forbid files, if the virtual host let it.
   */
  readonly site?: string
}

interface Recipe {
  readonly program: string
  readonly package: string
  /** Its arguments, once its configuration is written. `modules`: where its modules are. */
  prepare(options: WebServerOptions & { port: number }, modules: string): string[]
}

const nginx = (more: string): Recipe => ({
  program: 'nginx',
  package: 'nginx',
  prepare({ root, state, port, tls, site, rules = '' }) {
    const secure = tls
      ? `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key}; access_log ${state}/access.log ` +
        'connections;'
      : 'access_log off;'
    const listen = `127.0.0.1:${port}${tls ? ' ssl' : ''}`
    const own = `server { listen ${listen}; ${secure} root ${root}; autoindex on; ${more} ${rules} }`
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${state}/${name};`)
      .join(' ')
    writeFileSync(
      join(state, 'nginx.conf'),
      `daemon off; error_log ${state}/error.log; pid ${state}/pid; worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 256; }
http {
  log_format connections '$connection'; ${folders} keepalive_requests 100000; access_log off;
  ${site ?? own}
}\n`,
    )
    return ['-c', join(state, 'nginx.conf'), '-p', state]
  },
})

const apache = (indexOptions: string): Recipe => ({
  program: 'apache2',
  package: 'apache2',
  prepare({ root, state, port, tls, site, rules = '' }, modules) {
    const secure = tls ? `SSLEngine on\nSSLCertificateFile ${tls.certificate}\nSSLCertificateKeyFile ${tls.key}\n` : ''
    const load = [
      'mpm_event',
      'authz_core',
      'dir',
      'alias',
      'autoindex',
      ...(tls ? ['ssl'] : []),
      ...(site ? MANY : []),
    ]
      .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
      .join('\n')
    writeFileSync(
      join(state, 'apache.conf'),
      site
        ? `ServerRoot ${state}
PidFile ${state}/pid
ErrorLog ${state}/error.log
ServerName localhost
${process.getuid?.() === 0 ? 'User nobody\nGroup nogroup' : ''}
${load}
${RISKS}
ScriptSock ${state}/cgid.sock
${site}`
        : `ServerRoot ${state}
PidFile ${state}/pid
ErrorLog ${state}/error.log
ServerName localhost
${load}
Listen 127.0.0.1:${port}
DocumentRoot ${root}
<Directory ${root}>
Require all granted
Options +Indexes
${indexOptions}
${rules}
</Directory>
${secure}`,
    )
    return ['-f', join(state, 'apache.conf'), '-D', 'FOREGROUND']
  },
})

const lighttpd: Recipe = {
  program: 'lighttpd',
  package: 'lighttpd',
  prepare({ root, state, port }, modules) {
    writeFileSync(
      join(state, 'lighttpd.conf'),
      `server.document-root = "${root}"\nserver.port = ${port}\nserver.bind = "127.0.0.1"\nserver.modules = ` +
        `("mod_dirlisting")\ndir-listing.activate = "enable"\nserver.stat-cache-engine = ` +
        `"disable"\nmimetype.assign = ("" => "application/octet-stream")\n`,
    )
    return ['-D', '-f', join(state, 'lighttpd.conf'), '-m', modules]
  },
}

const caddy: Recipe = {
  program: 'caddy',
  package: 'caddy',
  prepare({ root, state, port, tls }) {
    if (!tls) return ['file-server', '--browse', '--listen', `127.0.0.1:${port}`, '--root', root]
    writeFileSync(
      join(state, 'Caddyfile'),
      `{\nadmin off\nauto_https off\n}\nhttps://127.0.0.1:${port} {\ntls ${tls.certificate} ${tls.key}\nroot ` +
        `* ${root}\nfile_server browse\n}\n`,
    )
    return ['run', '--config', join(state, 'Caddyfile'), '--adapter', 'caddyfile']
  },
}

const MANY = ['mime', 'env', 'cgid', 'deflate', 'filter', 'negotiation', 'setenvif', 'include', 'rewrite']

/** What distributions and their packages tell Apache of all sites, and what people add. */
const RISKS = `TypesConfig /dev/null
AccessFileName .htaccess
<FilesMatch "^\\.ht">
Require all denied
</FilesMatch>
<FilesMatch "\\.php$">
SetHandler cgi-script
</FilesMatch>
AddHandler cgi-script .cgi
AddOutputFilter INCLUDES .shtml
AddEncoding x-gzip .gz .tgz
AddType text/plain .txt
AddOutputFilterByType DEFLATE text/plain text/html
IndexIgnore .??* *~ *.txt
DirectoryIndex index.php index.cgi
<Directory />
Options +ExecCGI
AllowOverride All
Require all denied
</Directory>`

/** Every kind of listing, by the server and the form it has there. */
export const recipes = {
  nginx: nginx(''),
  'nginx as JSON': nginx('autoindex_format json;'),
  'nginx with rounded sizes': nginx('autoindex_exact_size off;'),
  'Apache, plain': apache(''),
  'Apache, fancy': apache('IndexOptions FancyIndexing'),
  'Apache, as a table': apache('IndexOptions FancyIndexing HTMLTable IconsAreLinks'),
  lighttpd: lighttpd,
  Caddy: caddy,
} satisfies Record<string, Recipe>

const MODULES: Readonly<Record<string, string>> = { apache2: 'usr/lib/apache2/modules', lighttpd: 'usr/lib/lighttpd' }

/** What nginx or Apache itself says of a configuration: 0 and its words, or an error. */
export async function checkSite(
  kind: 'nginx' | 'Apache, plain',
  options: WebServerOptions,
): Promise<[number | null, string]> {
  const { program, args, env } = await prepared(kind, options)
  const { status, stderr } = spawnSync(program, [...args.filter((one) => !/^(-D|FOREGROUND)$/.test(one)), '-t'], {
    env,
  })
  return [status, stderr.toString()]
}

/** Starts one and waits until it takes connections. */
export async function startWebServer(kind: keyof typeof recipes, options: WebServerOptions): Promise<WebServer> {
  const { program, args, env, port } = await prepared(kind, options)
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${kind} does not start: ${said}`)
  }
  return { url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`, port, stop: () => end(child) }
}

async function prepared(kind: keyof typeof recipes, options: WebServerOptions) {
  const recipe: Recipe = recipes[kind]
  const { program, root } = await programOf(recipe)
  const port = options.port ?? (await freePort())
  mkdirSync(options.state, { recursive: true })
  const args = recipe.prepare({ ...options, port }, join(root, MODULES[recipe.program] ?? ''))
  const env = { PATH: process.env['PATH'] ?? '', HOME: options.state, APACHE_RUN_DIR: options.state }
  return { program, args, env, port }
}

/** Path of a program, and the root its package was unpacked in. */
async function programOf(recipe: Recipe): Promise<{ program: string; root: string }> {
  const installed = findProgram(recipe.program, ['/usr/sbin'])
  if (installed && existsSync(join('/', MODULES[recipe.program] ?? ''))) return { program: installed, root: '/' }
  const bin = await fetchProgram({ program: recipe.program, package: recipe.package })
  return { program: join(bin, recipe.program), root: join(bin, '..', 'root') }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.destroy()
      resolve(true)
    }).once('error', () => setImmediate(resolve, false))
  })
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

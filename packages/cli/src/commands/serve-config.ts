// serve-config.ts — kagami serve-config nginx | apache | rsyncd | lfs: what a server needs to offer the copies, and to
// hide what is Kagami's own.
import { existsSync, writeFileSync } from 'node:fs'
import { ConfigError } from '@kagami/runtime/config'
import { Option, type Command } from 'commander'
import { remark } from '../output.ts'
import { apacheSite } from '../serve/apache.ts'
import { hiddenExpression, hiddenPatterns } from '../serve/hidden.ts'
import { lfsProgram } from '../serve/lfs.ts'
import { nginxSite, type WebSite } from '../serve/nginx.ts'
import { parseHost, parseListen, parseModule, parsePath, servableFolder } from '../serve/place.ts'
import { rsyncdModule } from '../serve/rsyncd.ts'

interface PlaceOptions {
  dir?: string
  config?: string
  output?: string
}

interface WebOptions extends PlaceOptions {
  listen: string
  host?: string
  lfs?: string
  fcgiwrap?: string
}

interface LfsOptions extends PlaceOptions {
  url?: string
}

/** Adds `serve-config` and its servers. */
export function addServeConfig(program: Command): void {
  const serve = program
    .command('serve-config')
    .description('print a configuration for a server that offers the mirrors, and hides what is not for readers')
    .addHelpText(
      'after',
      `
Examples:
  kagami serve-config nginx --dir /srv/mirrors --host mirror.example.org > /etc/nginx/conf.d/mirrors.conf
  kagami serve-config apache --config /etc/kagami/worker.toml --output /etc/apache2/sites-available/mirrors.conf
  kagami serve-config rsyncd --dir /srv/mirrors --name pub > /etc/rsyncd.conf
  kagami serve-config lfs --dir /srv/mirrors --output /usr/local/lib/kagami-lfs`,
    )
  addNginx(serve)
  addApache(serve)
  addRsyncd(serve)
  addLfs(serve)
}

function addNginx(serve: Command): void {
  web(serve.command('nginx').description('a server of nginx: a file for /etc/nginx/conf.d'))
    .addOption(
      new Option('--fcgiwrap <SOCKET>', 'socket of fcgiwrap, which runs the program of --lfs').default(
        '/run/fcgiwrap.socket',
      ),
    )
    .action(async (options: WebOptions) => {
      const { site, dir } = await siteOf(options)
      print(options, withHead(nginxSite(site), { server: 'nginx', options, dir, check: 'nginx -t' }))
    })
}

function addApache(serve: Command): void {
  web(serve.command('apache').description('a virtual host of Apache 2.4: a file for sites-available')).action(
    async (options: WebOptions) => {
      const { ownNames } = await import('@kagami/worker')
      const { site, dir } = await siteOf(options)
      const needs = ['alias', 'autoindex', 'dir', ...(options.lfs ? ['cgid'] : [])].join(' ')
      const check = `a2enmod ${needs}; apache2ctl configtest`
      print(options, withHead(apacheSite(site, ownNames), { server: 'apache', options, dir, check }))
    },
  )
}

function addRsyncd(serve: Command): void {
  place(serve.command('rsyncd').description('a configuration of rsync --daemon: /etc/rsyncd.conf'))
    .option('--name <NAME>', 'name of the module', 'mirrors')
    .option('--listen <ADDRESS>', 'a port, or an address and a port', '873')
    .action(async (options: PlaceOptions & { name: string; listen: string }) => {
      const { ownNames } = await import('@kagami/worker')
      const dir = await folderOf(options)
      const text = rsyncdModule({
        dir,
        name: parseModule(options.name),
        listen: parseListen(options.listen),
        hidden: hiddenPatterns(ownNames),
      })
      print(options, withHead(text, { server: 'rsyncd', options, dir, check: 'rsync --list-only rsync://localhost/' }))
    })
}

function addLfs(serve: Command): void {
  place(
    serve
      .command('lfs')
      .description('a CGI program by which a web server offers LFS objects: for --lfs of nginx, apache'),
  )
    .option('--url <URL>', 'address of the mirrors for readers (default: the one that each reader used)')
    .action(async (options: LfsOptions) => {
      const dir = await folderOf(options)
      print(options, lfsProgram({ dir, url: options.url === undefined ? null : originOf(options.url) }), 0o755)
    })
}

function place(command: Command): Command {
  return command
    .option('--dir <DIR>', 'where the mirrored files are (default: data_dir of the worker)')
    .option('--config <FILE>', 'worker.toml of the worker (default ./worker.toml)')
    .option('--output <FILE>', 'write a new file instead of printing')
}

function web(command: Command): Command {
  return place(command)
    .option('--host <NAME>', 'host name of the mirrors (default: any)')
    .option('--listen <ADDRESS>', 'a port, or an address and a port', '80')
    .option('--lfs <FILE>', 'offer LFS objects by this program, which serve-config lfs wrote')
}

async function folderOf({ dir, config }: PlaceOptions): Promise<string> {
  const folder = servableFolder(dir ?? (await dataDirOf(config)))
  if (!existsSync(folder)) remark(`${folder} is not on this machine (yet): the configuration is written all the same.`)
  return folder
}

async function dataDirOf(config: string | undefined): Promise<string> {
  const { loadWorkerConfig } = await import('@kagami/worker')
  return loadWorkerConfig({ file: config, flags: {} }).data_dir
}

async function siteOf(options: WebOptions): Promise<{ site: WebSite; dir: string }> {
  const { ownNames } = await import('@kagami/worker')
  const dir = await folderOf(options)
  const lfs = options.lfs === undefined ? null : parsePath('--lfs', options.lfs)
  const site = {
    dir,
    host: options.host === undefined ? null : parseHost(options.host),
    listen: parseListen(options.listen),
    hidden: hiddenExpression(ownNames),
    lfs: lfs === null ? null : { program: lfs, socket: parsePath('--fcgiwrap', options.fcgiwrap ?? '/unused') },
  }
  return { site, dir }
}

function originOf(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && /^https?:\/\/[A-Za-z0-9.:[\]-]+\/?$/.test(text)) return url.origin
  throw new ConfigError(
    `--url: "${text}" is no address of a web server`,
    'Give scheme, host and port, without a path: https://mirror.example.org',
  )
}

interface Head {
  readonly server: string
  readonly options: PlaceOptions
  readonly dir: string
  readonly check: string
}

/** What the file is, how it is made anew, and what must be true of the machine. */
function withHead(text: string, { server, dir, check }: Head): string {
  return [
    `# The mirrors in ${dir}, for ${server}. Written by: kagami serve-config ${server}`,
    '# Run the server as another user than the worker: to it .kagami, which holds keys, is closed in any case.',
    `# Check it: ${check}`,
    '',
    text,
  ].join('\n')
}

function print({ output }: PlaceOptions, text: string, mode = 0o644): void {
  if (output === undefined) return void process.stdout.write(text)
  if (existsSync(output))
    throw new ConfigError(`${output} is there already; nothing was written`, 'Move it away, or give another --output.')
  try {
    writeFileSync(output, text, { mode, flag: 'wx' })
  } catch (error) {
    throw new ConfigError(`${output} cannot be written: ${(error as Error).message}`)
  }
  remark(`Wrote ${output}`)
}

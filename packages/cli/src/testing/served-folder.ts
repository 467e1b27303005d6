// testing/served-folder.ts — A data_dir with everything that servers must hide and must serve, and many ways to ask for
// it. No assertions.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import fc from 'fast-check'

/** What is in every file that nobody may see. */
export const SECRET = 'not for readers'

/** Paths of such files. Disks without case have one of several; here each is a file of its own. */
export const HIDDEN: readonly string[] = [
  '.kagami/worker-id',
  '.kagami/staging/r-1/sub/file',
  '.generations/swapped/2/file',
  '.generations/swapped/next/file',
  'plain/.~tmp~/file',
  'plain/sub/deeper/.~tmp~/file',
  'plain/.kagami-http/files',
  'plain/.kagami-staging/tree/file',
  'plain/.kagami-publishing/tree/file',
  'plain/sub/big.iso.kagami-part',
  'plain/sub/.kagami/file',
  'swapped/.~tmp~/file',
  'plain/lost+found/#12',
  'lost+found/#12',
  'repository/refs/kagami/kept/20261128T010749Z/heads/main',
  'repository/lfs/kagami.json',
  '.KAGAMI/file',
  '.Kagami./file',
  '.kagami.../file',
  '.kagami /file',
  '.kagami:stream/file',
  '.\u212aagami/file',
  '.generation\u017f/swapped/2/file',
  '.GENERATIONS. /swapped/2/file',
  'plain/.~TMP~/file',
  'plain/.~tmp~./file',
]

/** Files of upstreams, by path. Their names look like what is hidden, or like what servers treat in their own way. */
export const SERVED: Readonly<Record<string, string>> = {
  'plain/.htaccess': 'Require all denied\nRedirect 302 /plain/sub/a.txt http://127.0.0.1:1/\n',
  'plain/sub/.htaccess': 'Options -Indexes\nDeny from all\n',
  'plain/sub/.htpasswd': 'nobody:x\n',
  'plain/sub/a.txt': 'text of a\n'.repeat(400),
  'plain/.treeinfo': '[general]\n',
  'plain/.discinfo': '1.0\n',
  'plain/.well-known/security.txt': 'Contact: x\n',
  'plain/.git/HEAD': 'ref: refs/heads/main\n',
  'plain/.kagami.yml': 'other: program\n',
  'plain/.kagamirc': 'a\n',
  'plain/.generations-old': 'b\n',
  'plain/kagami/worker-id': 'c\n',
  'plain/generations': 'd\n',
  'plain/~tmp~': 'e\n',
  'plain/x.kagami-party': 'f\n',
  'plain/deep/lost+found/file': 'g\n',
  'plain/refs/kagami2': 'h\n',
  'plain/run.cgi': '#!/bin/sh\necho "Content-Type: text/plain"; echo; echo ran\n',
  'plain/run.php': '#!/bin/sh\necho "Content-Type: text/plain"; echo; echo ran\n',
  'plain/page.shtml': '<!--#echo var="DATE_LOCAL" -->\n',
  'plain/pool/a.tar.gz': 'not really gzip\n',
  'plain/with space/ü.txt': 'i\n',
  'swapped/sub/b.txt': 'text of b\n',
  'repository/HEAD': 'ref: refs/heads/main\n',
}

/** Fills a folder. `swapped` is published by a link, as publish = "swap" does. */
export function fillServedFolder(dir: string): void {
  const put = (path: string, text: string) => {
    const file = join(dir, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    if (/\.(cgi|php)$/.test(path)) chmodSync(file, 0o755)
  }
  mkdirSync(join(dir, '.generations', 'swapped', '3'), { recursive: true })
  symlinkSync(join('.generations', 'swapped', '3'), join(dir, 'swapped'))
  mkdirSync(join(dir, 'plain'))
  symlinkSync('sub', join(dir, 'plain', 'link'))
  for (const path of HIDDEN) put(path, SECRET)
  for (const [path, text] of Object.entries(SERVED)) put(path, text)
}

/** The answer to a path that is sent as it is: no client tidies it up. */
export function askRaw(
  port: number,
  path: string,
  headers = '',
): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.0\r\nHost: localhost\r\n${headers}\r\n`, 'latin1')
    })
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('error', reject)
    socket.once('close', () => {
      const [head = '', ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n')
      resolve({ status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') })
    })
  })
}

/** Each byte percent-encoded; slashes too with `all`. */
export function encodeAll(path: string, all = false): string {
  return [...Buffer.from(path)]
    .map((byte) => (byte === 0x2f && !all ? '/' : `%${byte.toString(16).padStart(2, '0')}`))
    .join('')
}

/** A path as a browser would send it. */
export const encodePlain = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

/** Ways to write a path of which each leads to the same file, or to none. */
export function spellingsOf(path: string): string[] {
  const plain = encodePlain(path)
  const parts = plain.split('/')
  const last = parts.pop() ?? ''
  const folder = parts.join('/')
  return [
    `/${plain}`,
    `//${parts.join('//')}//${last}`,
    `/./${parts.join('/./')}/./${last}`,
    `/plain/../${plain}`,
    `/plain/sub/../../${plain}`,
    `/nothing/../${plain}`,
    `/swapped/../${plain}`,
    `/swapped/%2e%2e/${plain}`,
    `/..//${plain}`,
    `/${encodeAll(path)}`,
    `/${encodeAll(path).toUpperCase()}`,
    `/${encodeAll(path, true)}`,
    `/plain/..%2f${plain}`,
    `/plain%2f..%2f${plain}`,
    `/${plain.replaceAll('.', '%2E')}`,
    `/${plain.replaceAll('.', '%252e')}`,
    `/${plain}?x=/plain/sub/a.txt`,
    `/${plain}?`,
    `/${plain}/`,
    `/${plain}/.`,
    `/${plain}//`,
    `/${plain};x`,
    `/${plain}%00`,
    `/${plain}%00.txt`,
    `/${plain}#x`,
    `/${folder}`,
    `/${folder}/`,
    `/${folder}/?C=M;O=D`,
    `/${folder}//`,
    `/${folder}/./`,
    `/${folder.replaceAll('/', '%5c')}`,
    `/${folder}%20/${last}`,
    `/${folder}./${last}`,
    `http://localhost/${plain}`,
    `http://localhost//${encodeAll(path)}`,
    `/plain/sub/a.txt/../../../${plain}`,
    `/plain/link/../../${plain}`,
  ]
}

/** Random ones: each character written in some way, and something between the parts that leads nowhere else. */
export const anySpelling: fc.Arbitrary<string> = fc
  .constantFrom(...HIDDEN)
  .chain((path) => {
    const bytes = [...Buffer.from(path)]
    const written = bytes.map((byte) => {
      const hex = byte.toString(16).padStart(2, '0')
      const ways = [`%${hex}`, `%${hex.toUpperCase()}`]
      const plain = String.fromCharCode(byte)
      if (plain === '/') return fc.constantFrom('/', '//', '/./', '/%2e/', '/x/../', '/x/%2E./', '/plain/sub/../../')
      return fc.constantFrom(...ways, ...(/[A-Za-z0-9.~_-]/.test(plain) ? [plain, plain, plain] : []))
    })
    return fc.tuple(
      fc.constantFrom('/', '//', '/x/../', '/plain/../', '/./'),
      fc.tuple(...written),
      fc.constantFrom('', '/', '?a=b', '//', '/.'),
    )
  })
  .map(([before, parts, after]) => `${before}${parts.join('')}${after}`)

// digest.ts — Checksums: what an operator or a response promises of a file, and whether its bytes match.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { SyncFailure } from '../provider.ts'

/** One promise: this algorithm over all bytes gives this value. */
export interface Digest {
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512'
  /** Lower-case hex. */
  readonly hex: string
  /** Where the promise comes from, for people. */
  readonly from: string
}

const BY_LENGTH: Readonly<Record<number, Digest['algorithm']>> = { 32: 'md5', 40: 'sha1', 64: 'sha256', 128: 'sha512' }
const BY_NAME: Readonly<Record<string, Digest['algorithm']>> = {
  md5: 'md5',
  sha: 'sha1',
  'sha-1': 'sha1',
  sha1: 'sha1',
  'sha-256': 'sha256',
  sha256: 'sha256',
  'sha-512': 'sha512',
  sha512: 'sha512',
}
const BYTES: Readonly<Record<Digest['algorithm'], number>> = { md5: 16, sha1: 20, sha256: 32, sha512: 64 }

const IN_OPTION = /^([a-z0-9-]+):([0-9a-f]+)$/i

/** What is wrong with a checksum option, and the cure; null: nothing. */
export function checksumProblem(option: string): string | null {
  const [, name, hex] = IN_OPTION.exec(option) ?? []
  if (name === undefined || hex === undefined)
    return /[/\\:]/.test(option)
      ? 'option "checksum": neither sha256:HEX nor the name of a file beside the upstream; write one of them'
      : null
  const algorithm = BY_NAME[name.toLowerCase()]
  return algorithm && BY_LENGTH[hex.length] === algorithm
    ? null
    : `option "checksum": that is no ${name} checksum; copy all of its digits, such as the 64 of a sha256`
}

/** The digest a checksum option without a problem contains (`sha256:HEX`); null when it names a file. */
export function digestOption(option: string): Digest | null {
  const [, name, hex] = IN_OPTION.exec(option) ?? []
  const algorithm = BY_NAME[name?.toLowerCase() ?? '']
  return algorithm && hex ? { algorithm, hex: hex.toLowerCase(), from: 'the option checksum' } : null
}

/** Address of the checksum file an option names, for a file at `url`. */
export function checksumUrl(option: string, url: URL): URL {
  const path = url.pathname.slice(0, url.pathname.lastIndexOf('/') + 1)
  const at = new URL(url.href)
  at.search = ''
  at.pathname = option.startsWith('.') ? `${url.pathname}${option}` : `${path}${encodeURIComponent(option)}`
  return at
}

/** The digest of a file in a checksum file (of sha256sum, of BSD, or a single value); null when there is none. */
export function digestIn(text: string, file: string, from: string): Digest | null {
  const lines = text.split(/\r?\n/)
  for (const line of lines) {
    const [, hex, name] = /^\\?([0-9a-f]{32,128})[ \t]+\*?(?:\.\/)?(.+?)\s*$/i.exec(line) ?? []
    const [, , bsdName, bsdHex] = /^([A-Z0-9-]+) ?\((.+)\) ?= ?([0-9a-f]{32,128})\s*$/i.exec(line) ?? []
    const found = name === file ? hex : bsdName === file ? bsdHex : undefined
    if (found && BY_LENGTH[found.length]) return { algorithm: BY_LENGTH[found.length]!, hex: found.toLowerCase(), from }
  }
  const lone = text.trim()
  return /^[0-9a-f]+$/i.test(lone) && BY_LENGTH[lone.length]
    ? { algorithm: BY_LENGTH[lone.length]!, hex: lone.toLowerCase(), from }
    : null
}

/**
 * The digests a response promises. `whole`: the response carries the whole file, so that digests of the body are
 * digests of the file.
 */
export function digestsOf(headers: Readonly<Record<string, string>>, whole: boolean): Digest[] {
  const names = ['repr-digest', 'digest', ...(whole ? ['content-digest'] : [])]
  const found = names.flatMap((header) =>
    (headers[header] ?? '').split(',').map((part) => {
      const [, name = '', value = ''] = /^\s*([A-Za-z0-9-]+)=:?([A-Za-z0-9+/]+={0,2}):?\s*$/.exec(part) ?? []
      return promised(BY_NAME[name.toLowerCase()], value, header)
    }),
  )
  return [...found, whole ? promised('md5', headers['content-md5'] ?? '', 'content-md5') : null].filter(
    (digest) => digest !== null,
  )
}

function promised(algorithm: Digest['algorithm'] | undefined, base64: string, header: string): Digest | null {
  const value = Buffer.from(base64, 'base64')
  return algorithm && value.length === BYTES[algorithm]
    ? { algorithm, hex: value.toString('hex'), from: `the header ${header}` }
    : null
}

export interface Checker {
  update(chunk: Buffer): void
  /** Reads an existing file, in place of what is received. */
  catchUp(path: string): Promise<void>
  /** Throws SyncFailure content_invalid when the bytes do not match. */
  verify(): void
}

/** Checks a file while it is received. Null when nothing is promised. */
export function createChecker(digests: readonly Digest[]): Checker | null {
  if (digests.length === 0) return null
  const hashes = new Map<string, Hash>(digests.map(({ algorithm }) => [algorithm, createHash(algorithm)]))
  const update = (chunk: Buffer) => hashes.forEach((hash) => hash.update(chunk))
  return {
    update,
    async catchUp(path) {
      for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) update(chunk as Buffer)
    },
    verify() {
      const values = new Map([...hashes].map(([algorithm, hash]) => [algorithm, hash.digest('hex')]))
      const broken = digests.find(({ algorithm, hex }) => values.get(algorithm) !== hex)
      if (broken)
        throw new SyncFailure(
          'content_invalid',
          `the ${broken.algorithm} of what came is ${values.get(broken.algorithm)}, ${broken.from} says ${broken.hex}`,
        )
    },
  }
}

// memory.ts — What is remembered of a file between runs, in small files in staging: validators of the copy and of a
// part. Not the bytes.
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathBytes } from '../names.ts'

/** What an upstream said about a body, for conditional and range requests. */
export interface Validators {
  readonly url: string
  readonly file: string
  readonly etag: string | null
  readonly modified: string | null
  /** The checksum option the file matched; absent when none was set. */
  readonly verified?: string
}

export interface Memory {
  /** Path of the file a download is written to. */
  readonly part: string
  /** Validators of the published copy; null when they are not known or the copy was changed here. */
  ofCopy(url: string, published: string): Promise<(Validators & { readonly size: number }) | null>
  /** Validators and size of a part that can be continued; null when there is none. */
  ofPart(url: string): Promise<(Validators & { readonly size: number }) | null>
  keepCopy(validators: Validators, size: number): Promise<void>
  keepPart(validators: Validators): Promise<void>
  dropPart(): Promise<void>
  /** Name and size of the file the last run published. */
  last(): Promise<{ readonly file: string; readonly size: number } | null>
}

/** The memory in one staging folder. */
export function createMemory(staging: string): Memory {
  const copyFile = join(staging, 'copy.json')
  const partFile = join(staging, 'part.json')
  const part = join(staging, 'download.part')
  const sizeOf = async (path: string) => (await stat(pathBytes(path)).catch(() => null))?.size ?? null
  const write = async (path: string, value: object) => {
    await mkdir(staging, { recursive: true })
    await writeFile(`${path}.tmp`, JSON.stringify(value))
    await rename(`${path}.tmp`, path)
  }
  const dropPart = async () => {
    await rm(part, { force: true })
    await rm(partFile, { force: true })
  }
  return {
    part,
    dropPart,
    async ofCopy(url, published) {
      const kept = await read(copyFile)
      if (!kept || kept.url !== url) return null
      const size = await sizeOf(join(published, kept.file))
      return size !== null && size === kept.size ? { ...kept, size } : null
    },
    async ofPart(url) {
      const kept = await read(partFile)
      const size = await sizeOf(part)
      return kept && kept.url === url && isStrong(kept.etag) && size ? { ...kept, size } : null
    },
    async keepCopy(validators, size) {
      await write(copyFile, { ...validators, size })
      await dropPart()
    },
    keepPart: (validators) => write(partFile, validators),
    async last() {
      const kept = await read(copyFile)
      return kept?.size === undefined ? null : { file: kept.file, size: kept.size }
    },
  }
}

/** Whether an ETag promises equal bytes. */
export function isStrong(etag: string | null): etag is string {
  return etag !== null && /^"[^"]*"$/.test(etag)
}

async function read(path: string): Promise<(Validators & { readonly size?: number }) | null> {
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as Validators
    return typeof kept.url === 'string' &&
      typeof kept.file === 'string' &&
      !/[/\\\0]/.test(kept.file) &&
      kept.file !== '..'
      ? kept
      : null
  } catch {
    // A lost memory costs one download, never a sync.
    return null
  }
}

// mirrors.ts — One upstream of each kind, and a replica of it for each way to publish; no assertions.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { createAuthor, startLfsUpstream } from '@kagami/worker/testing/lfs-server'
import type { Place } from './place.ts'
import type { SupervisorProgram } from './programs.ts'
import { until } from './wait.ts'

export const SUBJECTS = ['git', 'git-lfs', 'rsync', 'http-tree', 'http-file'] as const
export type Subject = (typeof SUBJECTS)[number]

export interface Mirror {
  readonly name: string
  readonly subject: Subject
  readonly kind: string
  readonly upstream: string
  readonly options: Readonly<Record<string, string | boolean>>
}

export interface Mirrors {
  /** Each kind, in place and by swap. */
  readonly all: readonly Mirror[]
  /** Changes something in each upstream. */
  change(): Promise<void>
  /** Takes so much from each upstream that a sync is held: files, branches, most of the single file. */
  lose(): void
  /** What of a copy readers see: the same when it has what the upstream has now. */
  read(copy: string, subject: Subject): string
  /** The same of the upstream. */
  expected(subject: Subject): string
}

/** Starts the upstreams. Their content has more than 300 kB. */
export async function startMirrors(place: Place): Promise<Mirrors> {
  const [web, files, repositories] = [place.at('up-http'), place.at('up-rsync', 'files'), place.at('up-git')]
  const large = randomBytes(300_000)
  for (const folder of [join(web, 't'), files]) {
    writeFiles(folder, {
      large,
      ...Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`pool/f${at}`, `${at}\n`])),
    })
  }
  writeFiles(web, { 'one.bin': large })
  for (const path of ['one.bin', 't/large', ...Array.from({ length: 20 }, (_, at) => `t/pool/f${at}`)])
    utimesSync(join(web, path), 1_600_000_000, 1_600_000_000)
  for (const name of ['plain.git', 'a.git']) await ensureRepository(join(repositories, name))
  await runChild('git', [`--git-dir=${join(repositories, 'a.git')}`, 'config', 'http.receivepack', 'true'])
  const git = await startLfsUpstream({ dir: repositories })
  const author = await createAuthor(place.at('author'), git.url)
  const rsync = await startRsyncUpstream({ dir: place.at('up-rsync') })
  const http = await startHttpUpstream({ dir: web, listings: true })
  for (const { stop } of [git, rsync, http]) place.onEnd(stop)
  let version = 0
  const change = async () => {
    // Another size each time: a listing tells times to the minute.
    const text = `version ${'i'.repeat(++version)}\n`
    await commit(join(repositories, 'plain.git'), {
      message: text,
      files: { version: text, large: large.toString('hex') },
    })
    await author.push({ lfs: { 'large.bin': large, 'v.bin': Buffer.from(text) }, plain: { version: text } })
    writeFiles(web, { 't/version': text })
    writeFiles(files, { version: text })
    appendFileSync(join(web, 'one.bin'), text)
  }
  await change()
  const branches = Array.from({ length: 8 }, (_, at) => `side-${at}`)
  for (const repository of ['plain.git', 'a.git'])
    for (const branch of branches)
      await commit(join(repositories, repository), { branch, message: branch, files: { branch } })
  const lose = () => {
    for (const folder of [join(web, 't'), files]) for (let at = 0; at < 18; at++) rmSync(join(folder, 'pool', `f${at}`))
    for (const repository of ['plain.git', 'a.git'])
      for (const branch of branches)
        execFileSync('git', [`--git-dir=${join(repositories, repository)}`, 'update-ref', '-d', `refs/heads/${branch}`])
    truncateSync(join(web, 'one.bin'), 1000)
  }
  const subjects: Record<Subject, Pick<Mirror, 'kind' | 'upstream' | 'options'>> = {
    git: { kind: 'git', upstream: `${git.url}/plain.git`, options: {} },
    'git-lfs': { kind: 'git', upstream: `${git.url}/a.git`, options: { lfs: true } },
    rsync: { kind: 'rsync', upstream: rsync.url, options: {} },
    'http-tree': { kind: 'http', upstream: `${http.url}/t/`, options: {} },
    'http-file': { kind: 'http', upstream: `${http.url}/one.bin`, options: {} },
  }
  const sources: Record<Subject, string> = {
    git: join(repositories, 'plain.git'),
    'git-lfs': join(repositories, 'a.git'),
    rsync: files,
    'http-tree': join(web, 't'),
    'http-file': web,
  }
  return {
    all: SUBJECTS.flatMap((subject) =>
      ['in-place', 'swap'].map((publish) => ({
        name: `${subject}-${publish}`,
        subject,
        ...subjects[subject],
        options: { ...subjects[subject].options, publish },
      })),
    ),
    change,
    lose,
    read: readCopy,
    expected: (subject) => readCopy(sources[subject], subject),
  }
}

function readCopy(copy: string, subject: Subject): string {
  if (!existsSync(copy)) return 'nothing'
  if (subject === 'http-file') return sumOf(readFileSync(join(copy, 'one.bin')))
  if (!subject.startsWith('git')) {
    const pool = readdirSync(join(copy, 'pool')).sort()
    const contents = ['large', ...pool.map((name) => join('pool', name))].map((path) => readFileSync(join(copy, path)))
    return `${pool.length} ${readFileSync(join(copy, 'version'), 'utf8')}${sumOf(Buffer.concat(contents))}`
  }
  const show = (...words: string[]) => execFileSync('git', [`--git-dir=${copy}`, ...words], { encoding: 'utf8' })
  return show('for-each-ref', '--format=%(refname) %(objectname)') + show('show', 'main:version')
}

const sumOf = (content: Buffer) => createHash('sha256').update(content).digest('hex')

/** Requests a sync of each of these replicas of a worker, and waits until all have ended; name → its last sync. */
export async function syncAll(supervisor: SupervisorProgram, worker: string, names: readonly string[]) {
  const { api } = supervisor
  const replicas = async () => {
    const { items } = await api.call('listReplicas', { query: { limit: 500 } })
    return items.filter((one) => one.worker_id === worker && names.includes(one.name))
  }
  await until(
    'all are known and idle',
    async () => {
      const found = await replicas()
      return found.length === names.length && found.every(isStill)
    },
    { seen: replicas },
  )
  const before = new Map((await replicas()).map((one) => [one.name, one.last_sync?.sync_id]))
  for (const { replica_id } of await replicas()) await api.call('syncReplica', { params: { id: replica_id } })
  const ended = await until(
    'all have synced',
    async () => {
      const found = await replicas()
      const done = found.every((one) => isStill(one) && one.last_sync?.sync_id !== before.get(one.name))
      return done && found
    },
    { seen: replicas },
  )
  return Object.fromEntries(ended.map((one) => [one.name, one.last_sync!]))
}

const isStill = ({ activity }: { activity: string | null }) => activity !== 'syncing' && activity !== 'queued'

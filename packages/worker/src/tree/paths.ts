// paths.ts — Where a worker keeps what is not a mirror: below `<data_dir>/.kagami`. Names only; touches no file.
import { join } from 'node:path'

const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Whether an id can name a file below `.kagami`. */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id) && !id.includes('..')
}

function segment(id: string): string {
  if (!isSafeId(id)) throw new Error(`"${id.slice(0, 40)}" cannot name a file`)
  return id
}

/** Absolute paths below one data_dir. Throws when an id cannot name a file. */
export const paths = {
  own: (dataDir: string) => join(dataDir, '.kagami'),
  /** The authorities that tools trust, when worker.toml names some. */
  authorities: (dataDir: string) => join(dataDir, '.kagami', 'authorities.pem'),
  /** Keys of hosts that were learned by a command. */
  knownHosts: (dataDir: string) => join(dataDir, '.kagami', 'known_hosts'),
  /** Private folders of runs under way, for the programs that they start. */
  scratches: (dataDir: string) => join(dataDir, '.kagami', 'scratch'),
  scratch: (dataDir: string, syncId: string) => join(dataDir, '.kagami', 'scratch', segment(syncId)),
  /** Private keys of runs under way. */
  sshKeys: (dataDir: string) => join(dataDir, '.kagami', 'ssh'),
  published: (dataDir: string, name: string) => join(dataDir, segment(name)),
  /** Generations of a replica with publish = "swap"; not below .kagami, because web servers must be able to enter. */
  generations: (dataDir: string, name: string) => join(dataDir, '.generations', segment(name)),
  stagings: (dataDir: string) => join(dataDir, '.kagami', 'staging'),
  staging: (dataDir: string, replicaId: string) => join(dataDir, '.kagami', 'staging', segment(replicaId)),
  markers: (dataDir: string) => join(dataDir, '.kagami', 'trees'),
  marker: (dataDir: string, name: string) => join(dataDir, '.kagami', 'trees', `${segment(name).toLowerCase()}.json`),
  /** Which files of a folder that was taken over are not Kagami's. */
  ownFiles: (dataDir: string, name: string) => join(dataDir, '.kagami', `own-${segment(name).toLowerCase()}.json`),
  /** What stays readable for some time after the upstream removed it. */
  keptFiles: (dataDir: string, name: string) => join(dataDir, '.kagami', `kept-${segment(name).toLowerCase()}.json`),
  /** What is being deleted. */
  trash: (dataDir: string) => join(dataDir, '.kagami', 'trash'),
  allLogs: (dataDir: string) => join(dataDir, '.kagami', 'logs'),
  logs: (dataDir: string, replicaId: string) => join(dataDir, '.kagami', 'logs', segment(replicaId)),
  log: (dataDir: string, replicaId: string, syncId: string) =>
    join(dataDir, '.kagami', 'logs', segment(replicaId), `${segment(syncId)}.log`),
}

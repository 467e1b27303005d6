// accounts.ts — Creates and signs the accounts and users of a locked NATS. What each of them may do is in the protocol.
import {
  joinRights,
  supervisorExports,
  workerExports,
  systemRights,
  workerRights,
  type AccountExports,
  type SubjectRights,
} from '@kagami/protocol'
import Type, { type Static } from 'typebox'
import { newNatsKey, openNatsKey, readClaim, signClaim, signedBy, type NatsKey, type NatsUser } from './keys.ts'

/*
 * A locked NATS has two accounts: supervisors, with JetStream, and workers, without. NATS does not check reply
 * subjects, so in one account a worker could have those who answer it write for it. The rights of a worker are written
 * into its JWT, because templates of rights need a newer nats-server than the oldest that is supported. A JWT does not
 * expire: an end would cut off a fleet whose supervisor was away, and a revocation takes effect at once. Revocations
 * are in the workers' account, which the supervisor signs again and gives to NATS, and in the database; both are
 * compared at each start. A worker sends its JWT when it joins, from which a supervisor that has lost its database
 * learns which key belongs to whom. The nats-server of `kagami up` is locked without TLS: it listens on loopback, where
 * only root could read along, and root can read the keys.
 */

const User = Type.Object({ jwt: Type.String({ minLength: 1 }), seed: Type.String({ minLength: 1 }) })

/** Everything a supervisor needs on a locked NATS: the file `supervisor.json` of `kagami nats init`. Secret. */
export const SupervisorCredentials = Type.Object({
  version: Type.Literal(1),
  /** Address of NATS for workers and supervisors. */
  url: Type.String({ minLength: 1 }),
  /** Certificate of the authority that signed the server's certificate, PEM; null without encryption. */
  ca: Type.Union([Type.String(), Type.Null()]),
  supervisor: User,
  /** The user that may replace the workers' account, which contains the revocations. */
  system: User,
  /** The user that may ask to join; part of every join token. */
  join: User,
  /** The workers' account as it was created, and the key that signs its users. */
  workers: Type.Object({
    account: Type.String({ minLength: 1 }),
    jwt: Type.String({ minLength: 1 }),
    signing_seed: Type.String({ minLength: 1 }),
  }),
  operator_signing_seed: Type.String({ minLength: 1 }),
})
export type SupervisorCredentials = Static<typeof SupervisorCredentials>

/** The layout as `kagami up` keeps it: without its root keys, which are not needed again. */
export const StoredNatsLayout = Type.Object({
  server: Type.Object({
    operator: Type.String({ minLength: 1 }),
    system: Type.String({ minLength: 1 }),
    accounts: Type.Record(Type.String(), Type.String()),
  }),
  supervisor: SupervisorCredentials,
  supervisorsAccount: Type.String({ minLength: 1 }),
})
export type StoredNatsLayout = Static<typeof StoredNatsLayout>

/** What `kagami nats init` creates. */
export interface NatsLayout {
  /** For nats-server; not secret. */
  readonly server: {
    readonly operator: string
    readonly system: string
    readonly accounts: Readonly<Record<string, string>>
  }
  readonly supervisor: SupervisorCredentials
  /** Public key of the account with JetStream. */
  readonly supervisorsAccount: string
  /** Seeds of the root keys; not needed in daily operation. */
  readonly roots: Readonly<Record<'operator' | 'system' | 'supervisors' | 'workers', string>>
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

/** Creates keys and accounts. Credentials of another layout are not valid for this one. */
export async function makeNatsLayout(options: { url: string; ca: string | null }): Promise<NatsLayout> {
  const keys = createKeys()
  const { operator, system, supervisors, workers } = keys
  const accounts = await signAccounts(keys)
  return {
    server: { operator: await signOperator(keys), system: system.publicKey, accounts },
    supervisorsAccount: supervisors.publicKey,
    supervisor: await createSupervisorCredentials(keys, { ...options, workersJwt: accounts[workers.publicKey]! }),
    roots: { operator: operator.seed, system: system.seed, supervisors: supervisors.seed, workers: workers.seed },
  }
}

type Keys = ReturnType<typeof createKeys>

function createKeys() {
  return {
    operator: newNatsKey('operator'),
    operatorSigning: newNatsKey('operator'),
    system: newNatsKey('account'),
    supervisors: newNatsKey('account'),
    workers: newNatsKey('account'),
    workersSigning: newNatsKey('account'),
  }
}

function signOperator({ operator, operatorSigning, system }: Keys): Promise<string> {
  const nats = {
    type: 'operator' as const,
    signing_keys: [operatorSigning.publicKey],
    system_account: system.publicKey,
  }
  return signClaim({ name: 'kagami', about: operator.publicKey, nats }, operator)
}

async function signAccounts({ operator, system, supervisors, workers, workersSigning }: Keys) {
  const sign = (name: string, key: NatsKey, claims: Record<string, unknown>) => {
    const limits = { limits: UNLIMITED, default_permissions: { pub: {}, sub: {} } }
    return signClaim({ name, about: key.publicKey, nats: { type: 'account', ...limits, ...claims } }, operator)
  }
  return {
    [system.publicKey]: await sign('SYS', system, {}),
    [supervisors.publicKey]: await sign('SUPERVISORS', supervisors, {
      limits: { ...UNLIMITED, ...JETSTREAM },
      exports: exportsOf(supervisorExports),
      imports: importsOf(workerExports, workers.publicKey),
    }),
    [workers.publicKey]: await sign('WORKERS', workers, {
      signing_keys: [workersSigning.publicKey],
      exports: exportsOf(workerExports),
      imports: importsOf(supervisorExports, supervisors.publicKey),
    }),
  }
}

async function createSupervisorCredentials(
  { system, supervisors, workers, workersSigning, operatorSigning }: Keys,
  { url, ca, workersJwt }: { url: string; ca: string | null; workersJwt: string },
): Promise<SupervisorCredentials> {
  const systemIssuer = { signer: system, account: system.publicKey }
  return {
    version: 1,
    url,
    ca,
    supervisor: await createUser('supervisor', null, { signer: supervisors, account: supervisors.publicKey }),
    system: await createUser('supervisor', systemRights(workers.publicKey), systemIssuer),
    join: await createUser('join', joinRights, { signer: workersSigning, account: workers.publicKey }),
    workers: { account: workers.publicKey, jwt: workersJwt, signing_seed: workersSigning.seed },
    operator_signing_seed: operatorSigning.seed,
  }
}

/** The key that signs users, and their account. */
export interface UserSigner {
  readonly signer: NatsKey
  readonly account: string
}

/** Opens the key that signs the users of workers. */
export function workersSigner({ workers }: SupervisorCredentials): UserSigner {
  return { signer: openNatsKey(workers.signing_seed), account: workers.account }
}

/** Signs the user of a worker: valid only for this key, only with the rights of this id, until it is revoked. */
export function signWorkerUser(signer: UserSigner, worker: { id: string; publicKey: string }): Promise<string> {
  return signUser({ name: worker.id, publicKey: worker.publicKey, rights: workerRights(worker.id) }, signer)
}

/** The public key of a user that `signer` signed for this worker id; null when it did not. */
export function verifyWorkerUser({ signer }: UserSigner, workerId: string, jwt: string): string | null {
  try {
    const { name, sub } = readClaim(jwt)
    return name === workerId && signedBy(jwt, signer) ? sub : null
  } catch {
    return null
  }
}

/** Public key → Unix seconds. Users of the key that were signed until then are refused. */
export type Revocations = Readonly<Record<string, number>>

/** The revocations in the claims of an account. */
export function revocationsOf(accountJwt: string): Revocations {
  return (readClaim(accountJwt).nats['revocations'] as Revocations | undefined) ?? {}
}

/** Signs the workers' account with these revocations. */
export function signWorkersAccount(credentials: SupervisorCredentials, revocations: Revocations): Promise<string> {
  const { name, sub, nats } = readClaim(credentials.workers.jwt)
  return signClaim({ name, about: sub, nats: { ...nats, revocations } }, openNatsKey(credentials.operator_signing_seed))
}

/** Creates a user with a new key. Without `rights` it may do everything within its account. */
async function createUser(name: string, rights: SubjectRights | null, issuer: UserSigner): Promise<NatsUser> {
  const key = newNatsKey('user')
  return { jwt: await signUser({ name, publicKey: key.publicKey, rights }, issuer), seed: key.seed }
}

function signUser(
  user: { name: string; publicKey: string; rights: SubjectRights | null },
  { signer, account }: UserSigner,
): Promise<string> {
  const { rights } = user
  const permissions = rights
    ? {
        pub: { allow: rights.publish },
        sub: { allow: rights.subscribe },
        ...(rights.answers ? { resp: { max: 100, ttl: 60_000_000_000 } } : {}),
      }
    : { pub: {}, sub: {} }
  const issuer = signer.publicKey === account ? {} : { issuer_account: account }
  return signClaim(
    {
      name: user.name,
      about: user.publicKey,
      nats: { type: 'user', subs: -1, data: -1, payload: -1, ...permissions, ...issuer },
    },
    signer,
  )
}

function exportsOf({ services, streams }: AccountExports) {
  return [
    ...services.map((subject) => ({ name: subject, subject, type: 'service' })),
    ...streams.map((subject) => ({ name: subject, subject, type: 'stream' })),
  ]
}

function importsOf({ services, streams }: AccountExports, account: string) {
  const imported = (type: string) => (subject: string) => ({ name: subject, subject, account, type })
  return [...services.map(imported('service')), ...streams.map(imported('stream'))]
}

/** The lines of nats-server's configuration that lock it. `dir`: where the server stores account claims. */
export function accountLines({ server }: Pick<NatsLayout, 'server'>, dir: string): string[] {
  return [
    `operator: ${server.operator}`,
    `system_account: ${server.system}`,
    `resolver: { type: full, dir: ${JSON.stringify(dir)}, allow_delete: true, interval: "2m" }`,
    // The parser needs each of them on its own line.
    'resolver_preload: {',
    ...Object.entries(server.accounts).map(([key, jwt]) => ` ${key}: ${jwt}`),
    '}',
  ]
}

// accounts.ts — The two accounts of a locked NATS as signed claims, and the users in them. What each may say is in
// the protocol.
import {
  joinRights,
  offeredBySupervisors,
  offeredByWorkers,
  systemRights,
  workerRights,
  type Offer,
  type SubjectRights,
} from '@kagami/protocol'
import Type, { type Static } from 'typebox'
import { newNatsKey, openNatsKey, readClaim, signClaim, signedBy, type NatsKey, type NatsUser } from './keys.ts'

const User = Type.Object({ jwt: Type.String({ minLength: 1 }), seed: Type.String({ minLength: 1 }) })

/** All a supervisor needs on a locked NATS; the file `supervisor.json` of `kagami nats init`. Secret. */
export const SupervisorCredentials = Type.Object({
  version: Type.Literal(1),
  /** Where workers and supervisors reach NATS. */
  url: Type.String({ minLength: 1 }),
  /** Certificate of the authority that signed the server's, PEM; null where the connection is not encrypted. */
  ca: Type.Union([Type.String(), Type.Null()]),
  supervisor: User,
  /** May replace the workers' account, where revocations stand. */
  system: User,
  /** May ask to join; travels in every join token. */
  join: User,
  /** The workers' account as it was made, and the keys that sign it and its users. */
  workers: Type.Object({
    account: Type.String({ minLength: 1 }),
    jwt: Type.String({ minLength: 1 }),
    signing_seed: Type.String({ minLength: 1 }),
  }),
  operator_signing_seed: Type.String({ minLength: 1 }),
})
export type SupervisorCredentials = Static<typeof SupervisorCredentials>

/** What `kagami nats init` makes. */
export interface NatsLayout {
  /** For nats-server; not secret. */
  readonly server: {
    readonly operator: string
    readonly system: string
    readonly accounts: Readonly<Record<string, string>>
  }
  readonly supervisor: SupervisorCredentials
  /** Account with JetStream. */
  readonly supervisorsAccount: string
  /** Seeds of the root keys: needed by nobody day to day. */
  readonly roots: Readonly<Record<'operator' | 'system' | 'supervisors' | 'workers', string>>
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

/** New keys and accounts: nobody holds credentials of an earlier layout for this one. */
export async function makeNatsLayout(options: { url: string; ca: string | null }): Promise<NatsLayout> {
  const [operator, operatorSigning] = [newNatsKey('operator'), newNatsKey('operator')]
  const [system, supervisors, workers, workersSigning] = [
    newNatsKey('account'),
    newNatsKey('account'),
    newNatsKey('account'),
    newNatsKey('account'),
  ]
  const account = (name: string, key: NatsKey, body: Record<string, unknown>) =>
    signClaim(
      {
        name,
        about: key.publicKey,
        nats: { type: 'account', limits: UNLIMITED, default_permissions: { pub: {}, sub: {} }, ...body },
      },
      operator,
    )
  const toWorkers = { name: 'workers', account: workers.publicKey }
  const toSupervisors = { name: 'supervisors', account: supervisors.publicKey }
  const accounts = {
    [system.publicKey]: await account('SYS', system, {}),
    [supervisors.publicKey]: await account('SUPERVISORS', supervisors, {
      limits: { ...UNLIMITED, ...JETSTREAM },
      exports: exportsOf(offeredBySupervisors),
      imports: importsOf(offeredByWorkers, toWorkers),
    }),
    [workers.publicKey]: await account('WORKERS', workers, {
      signing_keys: [workersSigning.publicKey],
      exports: exportsOf(offeredByWorkers),
      imports: importsOf(offeredBySupervisors, toSupervisors),
    }),
  }
  return {
    server: {
      operator: await signClaim(
        {
          name: 'kagami',
          about: operator.publicKey,
          nats: { type: 'operator', signing_keys: [operatorSigning.publicKey], system_account: system.publicKey },
        },
        operator,
      ),
      system: system.publicKey,
      accounts,
    },
    supervisorsAccount: supervisors.publicKey,
    supervisor: {
      version: 1,
      ...options,
      supervisor: await newUser('supervisor', null, { signer: supervisors, account: supervisors.publicKey }),
      system: await newUser('supervisor', systemRights(workers.publicKey), {
        signer: system,
        account: system.publicKey,
      }),
      join: await newUser('join', joinRights, { signer: workersSigning, account: workers.publicKey }),
      workers: { account: workers.publicKey, jwt: accounts[workers.publicKey]!, signing_seed: workersSigning.seed },
      operator_signing_seed: operatorSigning.seed,
    },
    roots: { operator: operator.seed, system: system.seed, supervisors: supervisors.seed, workers: workers.seed },
  }
}

/** Who signs the users of workers. */
export interface UserSigner {
  readonly signer: NatsKey
  readonly account: string
}

/** Opens the key that signs the users of workers. */
export function workersSigner({ workers }: SupervisorCredentials): UserSigner {
  return { signer: openNatsKey(workers.signing_seed), account: workers.account }
}

/** Signs the user of one worker: valid for this key alone, with the rights of this id alone, until it is revoked. */
export function signWorkerUser(signer: UserSigner, worker: { id: string; publicKey: string }): Promise<string> {
  return signUser({ name: worker.id, publicKey: worker.publicKey, rights: workerRights(worker.id) }, signer)
}

/** The key of a user that `signer` signed for the worker of this id; null when it did not. */
export function verifyWorkerUser({ signer }: UserSigner, workerId: string, jwt: string): string | null {
  try {
    const { name, sub } = readClaim(jwt)
    return name === workerId && signedBy(jwt, signer) ? sub : null
  } catch {
    return null
  }
}

/** When keys were revoked: public key → Unix seconds; users of the key signed until then are refused. */
export type Revocations = Readonly<Record<string, number>>

/** The revocations that stand in an account's claims. */
export function revocationsOf(accountJwt: string): Revocations {
  return (readClaim(accountJwt).nats['revocations'] as Revocations | undefined) ?? {}
}

/** The workers' account with these revocations. */
export function signWorkersAccount(credentials: SupervisorCredentials, revocations: Revocations): Promise<string> {
  const { name, sub, nats } = readClaim(credentials.workers.jwt)
  return signClaim({ name, about: sub, nats: { ...nats, revocations } }, openNatsKey(credentials.operator_signing_seed))
}

/** A user with a new key; null gives every right within its account. */
async function newUser(name: string, rights: SubjectRights | null, issuer: UserSigner): Promise<NatsUser> {
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

function exportsOf({ services, streams }: Offer) {
  return [
    ...services.map((subject) => ({ name: subject, subject, type: 'service' })),
    ...streams.map((subject) => ({ name: subject, subject, type: 'stream' })),
  ]
}

function importsOf({ services, streams }: Offer, from: { name: string; account: string }) {
  const of = (type: string) => (subject: string) => ({ name: subject, subject, account: from.account, type })
  return [...services.map(of('service')), ...streams.map(of('stream'))]
}

/** The lines of nats-server's configuration that lock it; `dir` is where the server keeps account claims. */
export function accountLines({ server }: Pick<NatsLayout, 'server'>, dir: string): string[] {
  return [
    `operator: ${server.operator}`,
    `system_account: ${server.system}`,
    `resolver: { type: full, dir: ${JSON.stringify(dir)}, allow_delete: true, interval: "2m" }`,
    // Each on a line of its own: the parser wants it so.
    'resolver_preload: {',
    ...Object.entries(server.accounts).map(([key, jwt]) => ` ${key}: ${jwt}`),
    '}',
  ]
}

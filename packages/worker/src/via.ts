// via.ts — What a run is given to reach a host: the addresses that are allowed, its key for ssh, its proxies. Types
// only.
import type { Socket } from 'node:net'

/** Where a connection leads: of a URL, or of what is no URL. */
export interface Target {
  /** `https:`, `rsync:`, `ssh:` … */
  readonly protocol: string
  readonly hostname: string
}

/** A proxy by which a host is reached. What it fails with is a SyncFailure, which says that it is the proxy. */
export interface Via {
  /** As people know it, without credentials: `http://proxy.example:3128`. */
  readonly label: string
  /** Whether it finds the addresses of names, so that nobody here knows them. */
  readonly findsNames: boolean
  /** Opens a connection to a host and port through it. */
  tunnel(host: string, port: number, timeoutMs: number): Promise<Socket>
  /** How it is asked for http:// addresses; null: through a tunnel, like all others. */
  readonly plain: PlainVia | null
  /**
   * For programs: an http proxy on this machine that leads to this host and port alone, until the run ends.
   * `timeoutMs`: how long a connection may take, 30 s when it is not said.
   */
  local(host: string, port: number, timeoutMs?: number): Promise<LocalProxy>
  /** For programs that know no proxy: a port of this machine behind which is this host and port, until the run ends. */
  door(host: string, port: number, timeoutMs?: number): Promise<LocalPort>
}

/** A proxy that takes requests with the whole address in them. */
export interface PlainVia {
  connect(timeoutMs: number): Promise<Socket>
  readonly headers: Readonly<Record<string, string>>
  /** The failure that an answer means when it is the proxy's own; null: it is the upstream's. */
  refusal(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): Error | null
}

/** A port on 127.0.0.1. */
export interface LocalPort {
  readonly port: number
  /** What went wrong with the last connection; null: nothing. */
  failure(): Error | null
}

/** A proxy on 127.0.0.1, for who has its password. */
export interface LocalProxy extends LocalPort {
  readonly username: string
  readonly password: string
}

/** What ssh shows the upstream, and what it believes of it. */
export interface Ssh {
  /** Absolute path of the private key. */
  readonly key: string
  /** Files that have the keys of hosts, absolute paths. */
  readonly knownHosts: readonly string[]
}

/**
 * Which addresses a run may connect to: never link-local ones; private ones not when the upstream is known to be
 * public, or when the worker allows only public ones.
 */
export interface Peers {
  /** Throws SyncFailure address_forbidden when an IP address, from a URL or of an open connection, is not allowed. */
  check(address: string | undefined): void
  /**
   * Every address of a host name or literal, each checked. Throws SyncFailure address_forbidden, or
   * upstream_unreachable when there is none.
   */
  resolve(host: string): Promise<readonly string[]>
  /**
   * The proxy by which a host must be reached; null: directly, at addresses that are checked. Throws SyncFailure
   * address_forbidden when what is known of the host without its address is not allowed.
   */
  via(target: Target): Via | null
}

/** The side of the network an upstream is on. */
export type Reach = 'public' | 'private'

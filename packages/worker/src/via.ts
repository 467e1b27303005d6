// via.ts — What a run is given to reach a host by a proxy. Types only; proxy/ makes them.
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

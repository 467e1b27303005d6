// paces.ts — How fast upstream hosts may be asked, as providers and the http client see it. Types only.

/** One pace for each host, shared by all runs of the worker: two replicas of one host do not ask twice as fast. */
export interface Paces {
  /** `host`: name and port, as in `URL.host`. */
  of(host: string): Pace
  /** Upstreams that refused a connection while another one was open. */
  readonly oneAtATime: Set<string>
}

export interface Pace {
  /** Leave to send a request now, or the milliseconds to wait; full: as many as may are under way, see `freed`. */
  take(): Leave | 'full' | number
  /** Resolves when a request that is under way is done. */
  freed(): Promise<void>
  /** Whether the host has refused so many requests in a row that this run should give up. */
  closed(): boolean
  /** Starts to count what the host refuses and serves, whoever asks. */
  watch(): PaceWatch
}

export interface PaceWatch {
  /**
   * Ends it: requests refused as too many, and how many a second were served since the first of them; null without a
   * refusal, and when that was less than a second ago.
   */
  end(): { readonly refusals: number; readonly perSecond: number | null }
}

/** Leave to send one request. */
export interface Leave {
  /**
   * Must be called once the answer is known. `refused`: the host says that there are too many requests; `failed`: it
   * says nothing about that.
   */
  done(answer: 'served' | 'refused' | 'failed', retryAfterSeconds?: number | null): void
}

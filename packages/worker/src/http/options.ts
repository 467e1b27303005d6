// options.ts — What limits one download. Each kind that uses the client has options for some of it.

export interface FetchOptions {
  /** Largest size of a file, MiB; 0 is no limit. */
  readonly max_mib: number
  /** A download slower than this many bytes a second, over `timeout_secs`, is given up; 0 turns it off. */
  readonly min_rate_bps: number
  /** Give up when nothing was received for this many seconds. */
  readonly timeout_secs: number
  /** Accepts a web page where the file name does not promise one. */
  readonly accept_html: boolean
  /** Follows redirects from https to http. */
  readonly allow_downgrade: boolean
}

// listing.ts — What a directory listing of a web server says: its entries, what it cannot give, and whether it shows
// that it is whole. parse.ts reads it.

/** One entry of a listing, directly below its directory. */
export interface Entry {
  /** Bytes as text; see names.ts. */
  readonly name: string
  readonly directory: boolean
  /** The name as a request must have it, percent-encoded. */
  readonly raw: string
  /** Bytes; rounded unless `exact`; null where the listing does not say or its format is not known. */
  readonly size: number | null
  readonly exact: boolean
  /** Milliseconds since 1970 if the listing means UTC; null as for `size`. */
  readonly time: number | null
  /** Resolution of the time, ms. */
  readonly grain: number
  /** What the listing says about the file, word for word: the same text means that no change was noticed. */
  readonly stamp: string
}

/** A name that cannot be mirrored, as far as it could be decoded. */
export interface Refused {
  readonly name: string
  readonly why: string
}

/** What a page lists. */
export interface Listing {
  /** The server whose way of listing it is, such as `nginx`; null when it is not known. */
  readonly format: string | null
  readonly entries: readonly Entry[]
  readonly refused: readonly Refused[]
  /** Why what it lacks may not be taken for gone; null when the page shows that it is whole. */
  readonly incomplete: string | null
  /** The query of the next page of the same listing; null when this is the last. */
  readonly next: string | null
}

/** A page that is no listing that can be used. */
export interface Problem {
  /** What is wrong and how to go on, for people. */
  readonly problem: string
  /** Whether the page looks like a listing; else it only has links to something below it. */
  readonly likely: boolean
}

/** What a server answered for a directory. */
export interface Page {
  readonly bytes: Buffer
  readonly contentType: string
  readonly url: URL
  /** The header Server. */
  readonly server: string | null
  /** Accepts any page that links to something below it. */
  readonly lenient: boolean
}

// texts.ts — The shape of a locale: every text that English has.

/** The same keys as in English, each with a text; a list of texts has as many as its author likes. */
export type Texts<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends readonly string[]
      ? readonly string[]
      : Texts<T[K]>
}

// flags.d.ts — The types of flags.js, for scripts.
export const NODE_FLAGS: readonly string[]

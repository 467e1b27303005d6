// bundle.d.ts — The types of bundle.js, for scripts.
export const BUNDLE_FILE: string
export const SOURCE: string
export function freshBundle(root: string): string | null

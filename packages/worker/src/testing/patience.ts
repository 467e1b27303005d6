// patience.ts — How long tests wait for what they look for.

/** For `vi.waitFor`, ms: one bound for all tests, generous enough for a machine that is slow or has other work. */
export const PATIENCE = { timeout: 120_000, interval: 10 }

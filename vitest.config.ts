// vitest.config.ts — All tests of the project: beside the code, and the scenarios of e2e/ on real parts.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'e2e/**/*.test.ts'],
    globalSetup: ['e2e/harness/setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Above the longest wait of a test, so that the wait reports what it last saw.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    // A test leaves its servers to the harness, which ends them.
    teardownTimeout: 20_000,
  },
})

// vitest.config.ts — All tests of the project: beside the code, and the scenarios of e2e/ on real parts.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'e2e/**/*.test.ts'],
    globalSetup: ['e2e/harness/setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A test leaves its servers to the harness, which ends them.
    teardownTimeout: 20_000,
  },
})

// providers.test.ts — Every kind in the registry runs the conformance suite and has a page of documentation.
import { globSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createCommandProvider, providers as always } from '@kagami/worker'
import { documents, read, ROOT } from './sources.ts'

/** Those that every worker has, and the one for programs of the operator. */
const providers = { ...always, command: createCommandProvider([]) }
const suites = globSync('packages/worker/src/providers/**/*.test.ts', { cwd: ROOT }).map(read)

test.each(Object.keys(providers))('the kind %s runs the conformance suite', (kind) => {
  const runs = suites.filter((text) => new RegExp(`providerConformance\\(\\{\\s*kind: '${kind}'`).test(text))
  expect(runs.length).toBeGreaterThan(0)
})

test.each(Object.keys(providers))('the kind %s has a page in docs/providers', (kind) => {
  expect(documents).toContain(`docs/providers/${kind}.md`)
})

test.each(Object.entries(providers))('the kind %s is registered under its own name', (kind, provider) => {
  expect(provider.kind).toBe(kind)
})

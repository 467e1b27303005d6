// presets.test.ts — What presets set, and what is copied of a replica as worker.toml, is read by a worker as it was
// meant: by the parser, the keys and the options that it starts with.
import { HOST, presets, workerTomlOf, type ReplicaSpec } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { providersOf } from '../providers/index.ts'
import { writeToml } from '../testing/worker-toml.ts'
import { loadWorkerConfig } from './config.ts'
import { declaredReplicas } from './replicas.ts'

type Declared = Pick<ReplicaSpec, 'name' | 'kind' | 'upstream' | 'interval_secs' | 'labels' | 'options'>
const COMMAND = '[[commands]]\nname = "pypi"\ncommand = ["/usr/local/bin/pypi.sh"]\n\n'

/** The one replica that a worker reads from this table. */
function declared(table: string): Declared {
  const file = writeToml(COMMAND + table)
  const config = loadWorkerConfig({ file, env: { KAGAMI_DATA_DIR: '/d' } })
  const warnings: string[] = []
  const [{ name, kind, upstream, interval_secs, labels, options }] = declaredReplicas(config, {
    workerId: 'w',
    kinds: providersOf({ commands: config.commands, data_dir: '/d' }),
    warnings,
  }) as [ReplicaSpec]
  expect(warnings).toEqual([])
  return { name, kind, upstream, interval_secs, labels, options }
}

describe('a preset', () => {
  test.each(presets.map((preset) => [preset.id, preset] as const))('%s is what a worker can sync', (_, preset) => {
    const { name, kind, interval_secs, labels, options } = preset
    const upstream = preset.upstream.replace(HOST, 'mirror.example.org')
    const replica = { name, kind, upstream, interval_secs, labels, options }
    expect(declared(workerTomlOf(replica))).toEqual(replica)
  })

  test.each(['debian', 'debian-security', 'ubuntu'])('%s fetches indices after what they name', (id) => {
    expect(presets.find((preset) => preset.id === id)?.options['two_stage']).toBe('debian')
  })
})

describe('a replica that is copied as worker.toml', () => {
  const strange = fc.constantFrom('\u007f', '"', '\\', '\n', '\t', '\u0001', 'é', '\u{1f5c3}', ' ', '#')
  const text = fc
    .oneof(fc.string({ unit: strange, minLength: 1, maxLength: 8 }), fc.string({ unit: 'binary', minLength: 1 }))
    .filter((one) => !/[\u0000\ud800-\udfff]/.test(one))
  const label = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,20}$/)
  const printableText = fc.stringMatching(
    /^[^\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{0,20}$/,
  )

  test('is read as it was, whatever its texts are', () => {
    fc.assert(
      fc.property(
        fc.record({
          name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/).filter((one) => one !== 'current'),
          interval_secs: fc.option(fc.integer({ min: 1, max: 2_592_000 })),
          labels: fc.dictionary(label, printableText, { maxKeys: 3, noNullPrototype: true }),
          options: fc.record(
            { exclude: fc.array(text, { maxLength: 3 }), compress: fc.boolean(), bwlimit_kbps: fc.nat({ max: 1000 }) },
            { requiredKeys: [] },
          ),
        }),
        (parts) => {
          const replica = { kind: 'rsync', upstream: 'rsync://host/module/"é', ...parts }
          expect(declared(workerTomlOf(replica))).toEqual(replica)
        },
      ),
    )
  })

  test('has no credentials, and says where they go', () => {
    const [preset] = presets
    const table = workerTomlOf(preset!, true)
    expect(table).toContain('# Its credentials are not copied: write auth = {')
    expect(declared(table).name).toBe(preset!.name)
  })
})

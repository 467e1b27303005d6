// command.test.ts — The kind command: conformance, by a script of the kind that people write for tunasync.
import { randomBytes } from 'node:crypto'
import { readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { expect } from 'vitest'
import type { Subject } from '../../testing/conformance-stage.ts'
import { providerConformance } from '../../testing/conformance.ts'
import { scriptCommand } from '../../testing/worker-toml.ts'
import { readTree } from '../../testing/sandbox.ts'

/** rsync says the same code for a module that is missing and a password that is wrong. */
const script = () => `
set -u
export PATH=${process.env['PATH']}
url=$TUNASYNC_UPSTREAM_URL
[ -n "\${KAGAMI_USERNAME:-}" ] && url=\${url/rsync:\\/\\//rsync:\\/\\/$KAGAMI_USERNAME@}
export RSYNC_PASSWORD=\${KAGAMI_PASSWORD:-}
said=$(rsync -a --delete --safe-links \${KAGAMI_THOROUGH:+--checksum} "$url" "$TUNASYNC_WORKING_DIR/" 2>&1)
code=$?
echo "$said"
[[ $said == *"auth failed"* ]] && exit 41
[[ $said == *"Unknown module"* || $said == *"chdir failed"* || $said == *"change_dir"* ]] && exit 42
exit $code`

const REASONS = { 10: 'upstream_unreachable', 35: 'upstream_unreachable', 41: 'auth_rejected', 42: 'upstream_missing' }

const noise = () => randomBytes(150_000)

const start =
  (more: object) =>
  async (dir: string, auth?: { username: string; password: string }): Promise<Subject> => {
    const files = join(dir, 'files')
    const small = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`more/${index}`, `${index}\n`]))
    writeFiles(files, { 'a/one': noise(), 'a/two': noise(), 'a/three': noise(), 'gone/soon': 'x\n', ...small })
    const upstream = await startRsyncUpstream({ dir, auth })
    const commands = scriptCommand(join(dir, 'mirror.sh'), script(), { exit_reasons: REASONS, ...more })
    return {
      upstream: upstream.url,
      port: upstream.port,
      call: { commands, options: { command: 'script' } },
      stop: upstream.stop,
      expectSame: async (published) => expect(readTree(published)).toEqual(readTree(files)),
      async change() {
        writeFiles(files, { 'a/one': randomBytes(150_001), 'a/four': noise(), 'a/two': null })
        rmSync(join(files, 'gone'), { recursive: true })
      },
      async empty() {
        for (const entry of readdirSync(files)) rmSync(join(files, entry), { recursive: true })
      },
      vanish: async () => renameSync(files, `${files}.gone`),
    }
  }

providerConformance({ kind: 'command', form: 'in a copy', tool: null, start: start({}) })
providerConformance({ kind: 'command', form: 'in a copy by hard links', tool: null, start: start({ tree: 'linked' }) })

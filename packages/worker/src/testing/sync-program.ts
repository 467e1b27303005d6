// sync-program.ts — A program for tests that are about being killed, or about a disk that fails under a sync: runs one
// command or one sync, and says on stdout how it went.
import { readSync } from 'node:fs'
import { createLogger, systemClock } from '@kagami/runtime'
import { createPaces } from '../http/pace.ts'
import type { Provider } from '../provider.ts'
import { readCommands } from '../config/commands.ts'
import { providers, providersOf } from '../providers/index.ts'
import { createCommandRunner } from '../programs/command.ts'
import type { OpenSpec } from '../sync/credentials.ts'
import { runSync } from '../sync/run.ts'
import { takePlace } from '../tree/place.ts'

/** Where a sync waits, having said so, until a line arrives on stdin: before it begins, or before it publishes. */
export type Gate = 'begin' | 'publishing'

/** The task of the program, as JSON, in its first argument. */
export type ProgramTask =
  | { readonly command: string; readonly args: readonly string[]; readonly mark: string }
  | {
      /** `commands`: the programs that worker.toml names, as it writes them. */
      readonly spec: OpenSpec & { readonly commands?: readonly object[] }
      readonly dataDir: string
      readonly gate?: Gate
    }

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)

async function main(task: ProgramTask): Promise<void> {
  const signal = new AbortController().signal
  if ('command' in task) {
    const run = createCommandRunner({ signal, mark: task.mark, log: (line) => say(line) })
    say(await run(task.command, task.args))
    return
  }
  const { spec, dataDir, gate } = task
  const job = {
    sync_id: 'killed',
    worker_id: 'w',
    spec,
    trigger: 'manual',
    request_id: null,
    timeoutSeconds: 60,
  } as const
  // A worker takes its data_dir first.
  const place = gate ? await takePlace({ dataDir, clock: systemClock, logger: createLogger('sync') }) : null
  if (gate === 'begin') waitAt(gate)
  else say('started')
  say(
    await runSync(job, {
      providers: gate === 'publishing' ? waitingToPublish() : kindsOf(dataDir, spec.commands),
      paces: createPaces(),
      dataDir,
      ...(place ? { place } : {}),
      signal,
      onProgress: () => {},
      now: () => new Date(),
    }),
  )
  place?.release()
}

const kindsOf = (dataDir: string, commands: readonly object[] = []) =>
  providersOf({ commands: readCommands({ commands, source: 'test', folder: '/' }), data_dir: dataDir })

/** Synchronous: nothing of the sync goes on meanwhile. */
function waitAt(gate: Gate): void {
  say(gate)
  readSync(0, Buffer.alloc(1))
}

/** The providers as they are, which wait when they first say that they publish. */
function waitingToPublish(): Record<string, Provider> {
  let waited = false
  const waiting = (provider: Provider): Provider => ({
    ...provider,
    sync: (context) =>
      provider.sync({
        ...context,
        progress(progress) {
          if (progress.phase === 'publishing' && !waited) {
            waited = true
            waitAt('publishing')
          }
          context.progress(progress)
        },
      }),
  })
  return Object.fromEntries(Object.entries(providers).map(([kind, provider]) => [kind, waiting(provider)]))
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as ProgramTask)

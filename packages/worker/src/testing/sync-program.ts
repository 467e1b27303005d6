// sync-program.ts — A program for tests that are about being killed: runs one command or one sync, and says on stdout
// how it went.
import { createPaces } from '../http/pace.ts'
import { providers } from '../providers/index.ts'
import { createCommandRunner } from '../programs/command.ts'
import type { OpenSpec } from '../sync/credentials.ts'
import { runSync } from '../sync/run.ts'

/** The task of the program, as JSON, in its first argument. */
export type ProgramTask =
  | { readonly command: string; readonly args: readonly string[]; readonly mark: string }
  | { readonly spec: OpenSpec; readonly dataDir: string }

async function main(task: ProgramTask): Promise<void> {
  const signal = new AbortController().signal
  const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
  if ('command' in task) {
    const run = createCommandRunner({ signal, mark: task.mark, log: (line) => say(line) })
    say(await run(task.command, task.args))
    return
  }
  const job = {
    sync_id: 'killed',
    worker_id: 'w',
    spec: task.spec,
    trigger: 'manual',
    request_id: null,
    timeoutSeconds: 60,
  } as const
  say('started')
  say(
    await runSync(job, {
      providers,
      paces: createPaces(),
      dataDir: task.dataDir,
      signal,
      onProgress: () => {},
      now: () => new Date(),
    }),
  )
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as ProgramTask)

// program.ts — The tree of commands. Each noun has a file of its own; what is large is loaded when its command runs.
import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { addDocker } from './commands/docker.ts'
import { addFolders } from './commands/folders.ts'
import { addLogs } from './commands/logs.ts'
import { addNats } from './commands/nats.ts'
import { addReplicas } from './commands/replicas.ts'
import { addResources } from './commands/resources.ts'
import { addRun } from './commands/run.ts'
import { addServeConfig } from './commands/serve-config.ts'
import { addStatus } from './commands/status.ts'
import { addSupervisor } from './commands/supervisor.ts'
import { addSync } from './commands/sync.ts'
import { addUp } from './commands/up.ts'
import { addWorkers } from './commands/workers.ts'

const EXIT_CODES = `
Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 not signed in, 5 wrong state,
            6 supervisor or worker unreachable, 7 timeout, 8 some of many failed`

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('kagami')
    .description('Kagami keeps mirrors of git, rsync and http upstreams in sync.')
    .version(manifest.version)
    .showSuggestionAfterError()
  program.addHelpText('after', EXIT_CODES)
  for (const add of [
    addUp,
    addStatus,
    addSync,
    addLogs,
    addResources,
    addReplicas,
    addWorkers,
    addFolders,
    addServeConfig,
    addNats,
    addRun,
    addDocker,
    addSupervisor,
  ])
    add(program)
  throwEverywhere(program)
  return program
}

/** Makes commander throw its errors, so that main.ts turns them into exit codes like all others. */
function throwEverywhere(command: Command) {
  command.exitOverride()
  for (const child of command.commands) throwEverywhere(child)
}

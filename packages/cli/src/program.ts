// program.ts — The tree of commands. Each noun has a file of its own; what is large is loaded when its command runs.
import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { addCompletion } from './completion/command.ts'
import { addContext } from './contexts/command.ts'
import { addTokens } from './access/command.ts'
import { addActions } from './commands/actions.ts'
import { addBulk } from './bulk/bulk.ts'
import { addDocker } from './commands/docker.ts'
import { addEvents } from './watch/events.ts'
import { addFolders } from './commands/folders.ts'
import { addLogs } from './watch/logs.ts'
import { addNats } from './commands/nats.ts'
import { addReplicas } from './commands/replicas.ts'
import { addResources } from './commands/resources.ts'
import { addRun } from './commands/run.ts'
import { addServeConfig } from './commands/serve-config.ts'
import { addCheck } from './watch/check.ts'
import { addStatus } from './watch/status.ts'
import { addStorage } from './commands/storage.ts'
import { addSupervisor } from './commands/supervisor.ts'
import { addSync } from './commands/sync.ts'
import { addUp } from './commands/up.ts'
import { addWorkers } from './commands/workers.ts'
import { exitCodesAsHelp } from './exit-codes.ts'

const NOUNS = [
  addUp,
  addStatus,
  addCheck,
  addSync,
  addLogs,
  addEvents,
  addResources,
  addReplicas,
  addBulk,
  addWorkers,
  addActions,
  addTokens,
  addContext,
  addCompletion,
  addFolders,
  addStorage,
  addServeConfig,
  addNats,
  addRun,
  addDocker,
  addSupervisor,
]

/** The command line: whole, or as far as `words` need it. `run` has no use for the other nouns, and starts services. */
export function createProgram(words: readonly string[] = []): Command {
  const program = new Command('kagami')
    .description('Kagami keeps mirrors of git, rsync and http upstreams in sync.')
    .version(manifest.version)
    .showSuggestionAfterError()
  program.addHelpText('after', `\n${exitCodesAsHelp()}`)
  for (const add of words[0] === 'run' ? [addRun] : NOUNS) add(program)
  throwEverywhere(program)
  return program
}

/** Makes commander throw its errors, so that main.ts turns them into exit codes like all others. */
function throwEverywhere(command: Command) {
  command.exitOverride()
  for (const child of command.commands) throwEverywhere(child)
}

// program.ts — The tree of commands. Each command lives in a file of its own; heavy ones are loaded when they run.
import { Command } from 'commander'
import { addRun } from './commands/run.ts'
import { addUp } from './commands/up.ts'

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('kagami').description('Kagami keeps mirrors of git, rsync and http upstreams in sync.').exitOverride().showHelpAfterError()
  addUp(program)
  addRun(program)
  return program
}

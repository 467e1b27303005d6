// command.ts — kagami completion bash | zsh | fish | powershell, and what their scripts call.
import { ConfigError, nearest } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { completeLine } from './complete.ts'
import { scripts, SHELLS, type Shell } from './scripts.ts'

/** Adds `completion` and `__complete`. */
export function addCompletion(program: Command): void {
  program
    .command('completion <SHELL>')
    .description('print the script that completes commands, options and names: for bash, zsh, fish or powershell')
    .action((shell: string) => {
      if (!(shell in scripts)) {
        const meant = nearest(shell, SHELLS)
        const hint = `There is one for ${SHELLS.join(', ')}.`
        throw new ConfigError(`there is no completion for "${shell}"${meant ? `; did you mean ${meant}?` : ''}`, hint)
      }
      process.stdout.write(scripts[shell as Shell])
    })
  program
    .command('__complete <LINE>', { hidden: true })
    .description('what may come next on a command line; for scripts of shells')
    .action(async (line: string) => {
      const found = await completeLine(program, line).catch(() => [])
      for (const { word, about } of found) process.stdout.write(`${word}\t${about}\n`)
    })
}

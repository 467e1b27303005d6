// main.ts — The command line: parses it, runs one command, turns errors into messages and exit codes.
import { reportError } from './output.ts'
import { createProgram } from './program.ts'

try {
  process.exitCode = 0
  await createProgram(process.argv.slice(2)).parseAsync(process.argv)
} catch (error) {
  process.exit(reportError(error))
}

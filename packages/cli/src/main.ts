// main.ts — The command line: parses, runs one command, turns errors into words and exit codes.
import { createProgram } from './program.ts'
import { fail } from './output.ts'

try {
  process.exitCode = 0
  await createProgram().parseAsync(process.argv)
} catch (error) {
  process.exit(fail(error))
}

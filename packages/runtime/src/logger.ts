// logger.ts — Structured logs: JSON lines, or readable ones on a terminal. Secrets are cut out here, once for all
// rooms.
import { pino, type Logger as PinoLogger } from 'pino'
import pretty from 'pino-pretty'

export type Logger = PinoLogger

const SECRETS = [
  'auth',
  'password',
  'token',
  'authorization',
  '*.auth',
  '*.password',
  '*.token',
  '*.authorization',
  '*.*.auth',
  '*.*.password',
  '*.*.token',
  'req.headers.authorization',
]

/**
 * Makes a program's logger. `LOG_LEVEL` (or the seed's `RUST_LOG`) sets the level; `KAGAMI_LOG=json|pretty` the form.
 * Writes to stderr.
 */
export function createLogger(name: string, env: NodeJS.ProcessEnv = process.env): Logger {
  const asked = (env['LOG_LEVEL'] ?? env['RUST_LOG'] ?? 'info').toLowerCase()
  const level = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(asked) ? asked : 'info'
  const options = { name, level, redact: { paths: SECRETS, censor: '[secret]' } }
  const readable = env['KAGAMI_LOG'] ? env['KAGAMI_LOG'] === 'pretty' : process.stderr.isTTY
  if (!readable) return pino(options, pino.destination({ dest: 2, sync: true }))
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      colorize: process.stderr.isTTY && !env['NO_COLOR'],
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'pid,hostname',
    }),
  )
}

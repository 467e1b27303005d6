// logger.ts — Structured logs: JSON lines, or readable lines on a terminal. Secrets are removed here, for all packages.
import { createRequire } from 'node:module'
import { printableJson, printableValue } from '@kagami/protocol'
import { pino, type Logger as PinoLogger } from 'pino'
import type { PinoPretty } from 'pino-pretty'

/** A structured logger. */
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
 * Creates the logger of a program, which writes to stderr. `LOG_LEVEL`, or `RUST_LOG` of earlier versions, sets the
 * level; `KAGAMI_LOG=json|pretty` sets the form.
 */
export function createLogger(name: string, env: NodeJS.ProcessEnv = process.env): Logger {
  const wanted = (env['LOG_LEVEL'] ?? env['RUST_LOG'] ?? 'info').toLowerCase()
  const level = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(wanted) ? wanted : 'info'
  const options = { name, level, redact: { paths: SECRETS, censor: '[secret]' } }
  const readable = env['KAGAMI_LOG'] ? env['KAGAMI_LOG'] === 'pretty' : process.stderr.isTTY
  const stderr = pino.destination({ dest: 2, sync: true })
  if (!readable) return pino(options, { write: (line: string) => stderr.write(printableJson(line)) })
  // Loaded for terminals alone: services write JSON.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty
  const terminal = pretty({
    destination: stderr,
    colorize: process.stderr.isTTY && !env['NO_COLOR'],
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  })
  // The text of upstreams and workers is in it, and a terminal would obey what it finds there.
  return pino(options, {
    write: (line: string) => void terminal.write(`${JSON.stringify(printableValue(JSON.parse(line)))}\n`),
  })
}

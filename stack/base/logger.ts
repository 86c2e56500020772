// One line of JSON a log entry, on stderr; `start` keeps the lines in a file per part and shows warnings and errors.
// A skipped, late or refused record is logged with its coordinates in the fields.

import { messageOf } from './errors.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type LogFields = Record<string, unknown>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface LoggerOptions {
  part: string
  level?: LogLevel
  now?: () => number
  write?: (line: string) => void
}

export function createLogger(options: LoggerOptions): Logger {
  const least = rank[options.level ?? 'info']
  const now = options.now ?? Date.now
  const write = options.write ?? ((line: string) => void process.stderr.write(line + '\n'))
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (rank[level] < least) return
      const entry = { time: new Date(now()).toISOString(), level, part: options.part, message }
      write(JSON.stringify({ ...entry, ...fields }, errorsAsText))
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** For code that is given no logger, tests above all. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

function errorsAsText(_key: string, value: unknown): unknown {
  if (value instanceof Error) return messageOf(value)
  return typeof value === 'bigint' ? Number(value) : value
}

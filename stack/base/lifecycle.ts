// The life of one part as a process: options in, `ready` out, an orderly end on SIGTERM, SIGINT or when the
// supervisor that started it is gone (its IPC channel closes, also after kill -9).

import { systemClock } from './clock.ts'
import { describeError, exitCodeOf } from './errors.ts'
import { collectAtRest } from './memory-at-rest.ts'

export interface RunningPart {
  /** Names and addresses, `{kafka: '127.0.0.1:9092'}`. */
  addresses: Record<string, string>
  close(): Promise<void>
}

/** What a part sends to its supervisor over IPC. */
export type PartMessage =
  | { event: 'ready'; addresses: Record<string, string> }
  | { event: 'failed'; message: string; exitCode: number }
  | { event: 'progress'; what: string; done: number; total: number }

export const stopLimitMs = 8000

/** Runs a part until it is told to stop. Never returns normally. */
export async function runPart(name: string, start: () => Promise<RunningPart>): Promise<void> {
  let stopping = false
  let running: RunningPart | undefined
  const stop = async (exitCode: number) => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), stopLimitMs).unref()
    try {
      await running?.close()
    } catch (error) {
      process.stderr.write(`${name}: while stopping: ${describeError(error)}\n`)
      process.exit(1)
    }
    process.exit(exitCode)
  }
  // Ctrl-C and a service manager's SIGTERM reach the whole process group; a supervised part waits for its
  // supervisor's word, so that the broker outlives those who still write to it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!process.connected) void stop(0)
    })
  }
  process.on('disconnect', () => void stop(0))
  process.on('message', (message) => {
    if (message === 'stop') void stop(0)
  })
  try {
    running = await start()
    collectAtRest(systemClock)
    tell({ event: 'ready', addresses: running.addresses })
    if (!process.send) process.stderr.write(`${name} ready: ${JSON.stringify(running.addresses)}\n`)
  } catch (error) {
    endWith(name, error)
  }
}

/** What a part does before it runs, reading its flags: that it cannot is told as a failed start is. */
export async function orEnd<T>(name: string, read: () => T): Promise<T> {
  try {
    return read()
  } catch (error) {
    endWith(name, error)
    return new Promise(() => {})
  }
}

function endWith(name: string, error: unknown): void {
  const exitCode = exitCodeOf(error)
  const message = describeError(error)
  tell({ event: 'failed', message, exitCode })
  if (!process.send) process.stderr.write(`${name}: ${message}\n`)
  process.exitCode = exitCode
  setTimeout(() => process.exit(exitCode), 50)
}

/** How far a long piece of work is; the supervisor shows it, alone it goes nowhere. */
export function tellProgress(what: string, done: number, total: number): void {
  tell({ event: 'progress', what, done, total })
}

function tell(message: PartMessage): void {
  process.send?.(message)
}

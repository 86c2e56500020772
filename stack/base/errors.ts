// Operating failures: what the world does to us (network, disk, a taken port, wrong input on a command line).
// Each carries where it happened, whether trying again can help, and a hint that a person can act on.

export interface FailureDetail {
  /** Where: a path, an address, topic-partition@offset. */
  where?: string
  /** May the same call succeed later without anybody changing anything? */
  retriable?: boolean
  /** What a person can do about it, one sentence. */
  hint?: string
  cause?: unknown
}

export class OperatingError extends Error {
  override name = 'OperatingError'
  readonly where: string | undefined
  readonly retriable: boolean
  readonly hint: string | undefined

  constructor(what: string, detail: FailureDetail = {}) {
    super(what, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.where = detail.where
    this.retriable = detail.retriable ?? false
    this.hint = detail.hint
  }
}

/** Something is in the way: a taken port, a locked data directory. The command line exits 3. */
export class InTheWayError extends OperatingError {
  override name = 'InTheWayError'
}

/** The command line was used wrongly. Exits 2. */
export class UsageError extends OperatingError {
  override name = 'UsageError'
}

export const exitCodes = { done: 0, failed: 1, usage: 2, inTheWay: 3, checkSaidNo: 4 } as const

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof InTheWayError) return exitCodes.inTheWay
  return exitCodes.failed
}

/** "what, where, what to do", one line each, as every command prints its errors. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof OperatingError)) return error.stack ?? error.message
  const lines = [error.message]
  if (error.where !== undefined) lines.push(`  where: ${error.where}`)
  if (error.hint !== undefined) lines.push(`  what to do: ${error.hint}`)
  return lines.join('\n')
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

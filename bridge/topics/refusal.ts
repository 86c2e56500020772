// What an error of a publish request means for the messages in it. Pure. The codes are gRPC's.

import { minuteMs } from '#stack/base/units.ts'
import { troubleOf } from '#stack/google/trouble.ts'

export type Refusal =
  /** The same request may succeed later. */
  | 'passing'
  /** So it may, sent more slowly. */
  | 'too-fast'
  /** None of the topic's messages can succeed until somebody changes something there: no topic, no permission, no login, no key to encrypt with. */
  | 'target'
  /** A message of it is refused for what it is. */
  | 'message'

export const codeNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

export type CodeName = (typeof codeNames)[number]

const meanings: Partial<Record<CodeName, Refusal>> = {
  RESOURCE_EXHAUSTED: 'too-fast',
  NOT_FOUND: 'target',
  PERMISSION_DENIED: 'target',
  UNAUTHENTICATED: 'target',
  UNIMPLEMENTED: 'target',
  FAILED_PRECONDITION: 'target',
  INVALID_ARGUMENT: 'message',
}

/** What has no code at all did not come from the target: a socket, a name that cannot be looked up, a login. */
export function codeOf(error: unknown): CodeName {
  const { code } = error as { code?: unknown }
  return (typeof code === 'number' ? codeNames[code] : undefined) ?? 'UNKNOWN'
}

export function refusalOf(code: CodeName): Refusal {
  return meanings[code] ?? 'passing'
}

/** What a person can do about a target that refuses everything; undefined where it is waited for. */
export function remedyOf(code: CodeName, error: unknown): string | undefined {
  const trouble = troubleOf(error)
  if (trouble?.kind === 'permission') return 'its account needs roles/pubsub.publisher on the topic'
  if (trouble) return trouble.remedy
  if (code === 'NOT_FOUND') return '`slipway bridge apply` creates what is missing'
  if (code === 'FAILED_PRECONDITION')
    return 'see the settings of the topic: its key, its schema, its region'
  return refusalOf(code) === 'target' ? 'is this address a Pub/Sub at all?' : undefined
}

/** How tries are spread, by what is refused. */
export const backOffs = {
  passing: { firstMs: 100, mostMs: 5000 },
  target: { firstMs: 100, mostMs: minuteMs / 2 },
} as const

// google.protobuf.Duration and Timestamp as the loader gives them, and as the code counts them.

export interface DurationMessage {
  seconds: number
  nanos: number
}

export type TimestampMessage = DurationMessage

export function durationMs({ seconds, nanos }: DurationMessage): number {
  return seconds * 1000 + Math.round(nanos / 1e6)
}

export function toDuration(ms: number): DurationMessage {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 }
}

export function timestampMicros({ seconds, nanos }: TimestampMessage): number {
  return seconds * 1e6 + Math.floor(nanos / 1000)
}

export function toTimestamp(micros: number): TimestampMessage {
  const seconds = Math.floor(micros / 1e6)
  return { seconds, nanos: (micros - seconds * 1e6) * 1000 }
}

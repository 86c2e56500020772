// Sizes and spans of time as people write them, and as the code counts them.

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

export const secondMs = 1000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** RFC 3339 UTC with milliseconds, the one form in which times travel. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

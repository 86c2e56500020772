// The few things that DuckDB and GoogleSQL write differently. Everything else in the SQL texts reads the same.

import { isoTime } from '../../base/units.ts'

export type DialectName = 'duckdb' | 'bigquery'

export interface Dialect {
  name: DialectName
  text(value: string): string
  timestamp(ms: number): string
  /** Of a time, since 1970. */
  ms(time: string): string
  /** b - a in milliseconds. */
  msBetween(a: string, b: string): string
  plusMs(time: string, ms: number): string
  /** The start of the UTC minute, or of the UTC quarter of an hour. */
  floor(time: string, unit: 'minute' | 'quarter'): string
  /** True where an array of strings holds the text. */
  holds(array: string, value: string): string
  /** A join that gives one row per element; its fields are `alias.field`. */
  unnest(array: string, alias: string): string
  /** The middle value; where there are two, their mean. */
  median(value: string): string
  /** How many of these times lie after a and not after b. */
  timesBetween(a: string, b: string, times: readonly number[]): string
  /** Which bucket a time falls into, from 0; the time lies within the bounds. `join` goes behind the relation. */
  bucket(time: string, bounds: readonly number[]): { value: string; join: string }
  asText(value: string): string
  nullText: string
}

const quarterSeconds = 900

export const duckdb: Dialect = {
  name: 'duckdb',
  text: (value) => `'${value.replaceAll("'", "''")}'`,
  timestamp: (ms) => `TIMESTAMP '${isoTime(ms)}'`,
  ms: (time) => `epoch_ms(${time})`,
  msBetween: (a, b) => `(epoch_ms(${b}) - epoch_ms(${a}))`,
  plusMs: (time, ms) => `(${time} + INTERVAL (${ms}) MILLISECOND)`,
  floor: (time, unit) =>
    unit === 'minute'
      ? `date_trunc('minute', ${time})`
      : `time_bucket(INTERVAL 15 MINUTE, ${time})`,
  holds: (array, value) => `list_contains(${array}, '${value}')`,
  unnest: (array, alias) => `CROSS JOIN LATERAL (SELECT unnest(${array}) AS ${alias})`,
  median: (value) => `median(${value})`,
  timesBetween: (a, b, times) =>
    `len(list_filter([${times.map(duckdb.timestamp).join(', ')}], lambda t: t > ${a} AND t <= ${b}))`,
  bucket(time, bounds) {
    const even = evenWidth(bounds)
    if (even) {
      return {
        value: `CAST((epoch_ms(${time}) - ${even.originMs}) // ${even.widthMs} AS INTEGER)`,
        join: '',
      }
    }
    const starts = bounds.slice(0, -1).map((ms, i) => `(${i}, TIMESTAMP '${isoTime(ms)}')`)
    return {
      value: 'k.bucket',
      join: ` ASOF JOIN (VALUES ${starts.join(', ')}) AS k(bucket, starts) ON ${time} >= k.starts`,
    }
  },
  asText: (value) => `CAST(${value} AS VARCHAR)`,
  nullText: 'CAST(NULL AS VARCHAR)',
}

export const bigquery: Dialect = {
  name: 'bigquery',
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
  timestamp: (ms) => `TIMESTAMP '${isoTime(ms)}'`,
  ms: (time) => `UNIX_MILLIS(${time})`,
  msBetween: (a, b) => `TIMESTAMP_DIFF(${b}, ${a}, MILLISECOND)`,
  plusMs: (time, ms) => `TIMESTAMP_ADD(${time}, INTERVAL ${ms} MILLISECOND)`,
  floor: (time, unit) =>
    unit === 'minute'
      ? `TIMESTAMP_TRUNC(${time}, MINUTE)`
      : `TIMESTAMP_SECONDS(DIV(UNIX_SECONDS(${time}), ${quarterSeconds}) * ${quarterSeconds})`,
  holds: (array, value) => `'${value}' IN UNNEST(${array})`,
  unnest: (array, alias) => `CROSS JOIN UNNEST(${array}) AS ${alias}`,
  median: (value) => `(SELECT AVG(v) FROM UNNEST(${medianPair(value)}) AS v)`,
  timesBetween: (a, b, times) =>
    `(SELECT COUNT(*) FROM UNNEST([${times.map(bigquery.timestamp).join(', ')}]) AS t WHERE t > ${a} AND t <= ${b})`,
  bucket(time, bounds) {
    const even = evenWidth(bounds)
    if (even) {
      return { value: `DIV(UNIX_MILLIS(${time}) - ${even.originMs}, ${even.widthMs})`, join: '' }
    }
    const starts = bounds.slice(0, -1).map((ms) => `TIMESTAMP '${isoTime(ms)}'`)
    return { value: `RANGE_BUCKET(${time}, [${starts.join(', ')}]) - 1`, join: '' }
  },
  asText: (value) => `CAST(${value} AS STRING)`,
  nullText: 'CAST(NULL AS STRING)',
}

/** Where all buckets but the cut ones at both ends have one width, a bucket is a division. */
function evenWidth(bounds: readonly number[]): { originMs: number; widthMs: number } | undefined {
  const widths = bounds.slice(1).map((end, i) => end - (bounds[i] as number))
  const inner = widths.slice(1, -1)
  const widthMs = inner[0] ?? Math.max(...widths)
  const isEven = inner.every((width) => width === widthMs)
  if (!isEven || (widths[0] as number) > widthMs || (widths.at(-1) as number) > widthMs) {
    return undefined
  }
  return { originMs: (bounds[1] as number) - widthMs, widthMs }
}

/** The middle one or two of the sorted values. */
function medianPair(value: string): string {
  const sorted = `ARRAY_AGG(${value} IGNORE NULLS ORDER BY ${value})`
  const size = `COUNT(${value})`
  return `[${sorted}[SAFE_OFFSET(DIV(${size} - 1, 2))], ${sorted}[SAFE_OFFSET(DIV(${size}, 2))]]`
}

// From one type to another: what happens by itself (coercion) and what is asked for (CAST).

import type { Typed } from './scope.ts'
import { SqlError, unsupported } from './sql-error.ts'
import { distance, duckType, fieldName, quoteName, quoteText, sameType, typeText } from './types.ts'
import type { SqlType, TypeName } from './types.ts'

/** The value as the type, where it turns into that by itself; undefined where it does not. */
export function coerce(value: Typed, to: SqlType): string | undefined {
  if (distance(value.type, to, value.isLiteral === true) === undefined) return undefined
  if (value.type.name === 'STRUCT' && to.name === 'STRUCT')
    return structAs(value.sql, value.type, to)
  if (to.of?.name === 'STRUCT' && value.type.of?.name === 'STRUCT') {
    const each = structAs('item', value.type.of, to.of)
    return each === 'item' ? value.sql : `list_transform(${value.sql}, lambda item: ${each})`
  }
  if (sameType(value.type, to)) return value.sql
  if (value.type.name === 'STRING' && value.text !== undefined)
    return literal(to.name, value.text, 0).sql
  if (value.type.name === 'STRING') return castSql(value, to, 0)
  return `CAST(${value.sql} AS ${duckType(to)})`
}

/** Field by field: names do not matter between structs, places do. */
function structAs(sql: string, from: SqlType, to: SqlType): string | undefined {
  if (duckType(from) === duckType(to)) return sql
  const parts = (to.fields ?? []).map((field, i) => {
    const own = from.fields?.[i] as NonNullable<SqlType['fields']>[number]
    const part = coerce(
      {
        sql: `struct_extract(${sql}, ${quoteText(fieldName(own.name, i))})`,
        type: own.type,
        isLiteral: true,
      },
      field.type,
    )
    return `${quoteName(fieldName(field.name, i))} := ${part}`
  })
  return `CASE WHEN ${sql} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`
}

export function coerced(value: Typed, to: SqlType, at: number): string {
  const sql = coerce(value, to)
  if (sql !== undefined) return sql
  throw new SqlError(
    `Value of type ${typeText(value.type)} cannot be assigned or compared to ${typeText(to)}`,
    at,
  )
}

const dateText = /^\d{4}-\d{1,2}-\d{1,2}$/
const timeText = /^\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,6})?$/
const datetimeText = /^\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,6})?)?)?$/i
const timestampText =
  /^(\d{4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,6})?)?))?\s?(Z|UTC|[+-]\d{1,2}(?::?\d{2})?|[A-Za-z_]+\/[A-Za-z_/]+)?$/i

/** DATE '2024-01-01' and the like. */
export function literal(name: string, text: string, at: number): Typed {
  const refuse = (): never => {
    throw new SqlError(`Invalid ${name} literal: ${JSON.stringify(text)}`, at)
  }
  const quoted = quoteText(text)
  const made = (type: TypeName, sql: string): Typed => ({ sql, type: { name: type } })
  switch (name) {
    case 'DATE':
      return dateText.test(text) ? made(name, `CAST(${quoteText(padded(text))} AS DATE)`) : refuse()
    case 'TIME':
      return timeText.test(text) ? made(name, `CAST(${quoted} AS TIME)`) : refuse()
    case 'DATETIME':
      return datetimeText.test(text)
        ? made(name, `CAST(${quoteText(padded(text.replace(/t/i, ' ')))} AS TIMESTAMP)`)
        : refuse()
    case 'TIMESTAMP':
      return timestampText.test(text) ? made(name, timestampSql(text, at)) : refuse()
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text)
        ? made(name, `CAST(${quoted} AS ${duckType({ name })})`)
        : refuse()
    case 'JSON':
      try {
        JSON.parse(text)
      } catch {
        return refuse()
      }
      return made(name, `CAST(${quoted} AS JSON)`)
    case 'BYTES':
      return made(name, bytesSql(Buffer.from(text, 'utf8')))
    default:
      throw unsupported(`a literal of ${name}`, at)
  }
}

export const bytesSql = (value: Buffer): string => `from_hex('${value.toString('hex')}')`

const padded = (text: string): string =>
  text.replace(
    /^(\d{4})-(\d{1,2})-(\d{1,2})/,
    (_, y: string, m: string, d: string) => `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`,
  )

function timestampSql(text: string, at: number): string {
  const [, day = '', clock = '00:00:00', zone = 'UTC'] = timestampText.exec(text) ?? []
  const local = `CAST(${quoteText(`${padded(day)} ${clock}`)} AS TIMESTAMP)`
  return fromLocal(local, zoneNamed(zone, at))
}

/** A zone is a name, or so many minutes east. */
export type Zone = string | number

export function zoneNamed(text: string, at: number): Zone {
  const offset = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(text)
  if (offset) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0)
    return offset[1] === '-' ? -minutes : minutes
  }
  if (/^(z|utc)$/i.test(text)) return 0
  try {
    return Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone === ''
      ? 0
      : text
  } catch {
    throw new SqlError(`Invalid time zone: ${text}`, at)
  }
}

/** What clocks show there: TIMESTAMP to DATETIME. */
export function toLocal(sql: string, zone: Zone): string {
  if (typeof zone === 'string') return `(${sql} AT TIME ZONE ${quoteText(zone)})`
  const utc = `(${sql} AT TIME ZONE 'UTC')`
  return zone === 0 ? utc : `(${utc} + to_minutes(${zone}))`
}

export function fromLocal(sql: string, zone: Zone): string {
  if (typeof zone === 'string') return `(${sql} AT TIME ZONE ${quoteText(zone)})`
  return zone === 0
    ? `(${sql} AT TIME ZONE 'UTC')`
    : `((${sql} - to_minutes(${zone})) AT TIME ZONE 'UTC')`
}

const direct = new Set([
  'INT64>FLOAT64',
  'INT64>NUMERIC',
  'INT64>BIGNUMERIC',
  'INT64>STRING',
  'NUMERIC>INT64',
  'NUMERIC>FLOAT64',
  'NUMERIC>BIGNUMERIC',
  'BIGNUMERIC>NUMERIC',
  'BIGNUMERIC>FLOAT64',
  'BIGNUMERIC>INT64',
  'BOOL>INT64',
  'BOOL>STRING',
  'DATE>STRING',
  'DATE>DATETIME',
  'DATETIME>DATE',
  'DATETIME>TIME',
])

const throughMacro: Record<string, string> = {
  'INT64>BOOL': '($1 <> 0)',
  'FLOAT64>INT64': 'CAST(round($1) AS BIGINT)',
  'FLOAT64>NUMERIC': 'CAST($1 AS DECIMAL(38,9))',
  'FLOAT64>BIGNUMERIC': 'CAST($1 AS DECIMAL(38,18))',
  'FLOAT64>STRING': 'bq_float_text($1)',
  'NUMERIC>STRING': 'bq_decimal_text($1)',
  'BIGNUMERIC>STRING': 'bq_decimal_text($1)',
  'STRING>INT64': 'bq_to_int($1)',
  'STRING>FLOAT64': 'bq_to_float($1)',
  'STRING>NUMERIC': 'bq_to_numeric($1)',
  'STRING>BIGNUMERIC': 'bq_to_bignumeric($1)',
  'STRING>BOOL': 'bq_to_bool($1)',
  'STRING>BYTES': 'encode($1)',
  'BYTES>STRING': 'decode($1)',
  'STRING>DATE': 'bq_to_date($1)',
  'STRING>DATETIME': 'bq_to_datetime($1)',
  'STRING>TIME': 'bq_to_time($1)',
  'STRING>TIMESTAMP': 'bq_to_timestamp($1)',
  'DATETIME>STRING': 'bq_datetime_text($1)',
  'TIME>STRING': 'bq_time_text($1)',
  'TIMESTAMP>STRING': "(bq_datetime_text($1 AT TIME ZONE 'UTC') || '+00')",
  'TIMESTAMP>DATE': "CAST(($1 AT TIME ZONE 'UTC') AS DATE)",
  'TIMESTAMP>DATETIME': "($1 AT TIME ZONE 'UTC')",
  'TIMESTAMP>TIME': "CAST(($1 AT TIME ZONE 'UTC') AS TIME)",
  'DATE>TIMESTAMP': "(CAST($1 AS TIMESTAMP) AT TIME ZONE 'UTC')",
  'DATETIME>TIMESTAMP': "($1 AT TIME ZONE 'UTC')",
}

export function castSql(value: Typed, to: SqlType, at: number): string {
  const { type: from, sql } = value
  if (from.name === 'NULL') return `CAST(NULL AS ${duckType(to)})`
  if (sameType(from, to)) return limited(sql, to, at)
  if (from.name === 'ARRAY' || from.name === 'STRUCT') {
    const implicit = coerce(value, to)
    if (implicit !== undefined) return implicit
    throw new SqlError(`Invalid cast from ${typeText(from)} to ${typeText(to)}`, at)
  }
  const key = `${from.name}>${to.name}`
  if (direct.has(key)) return limited(`CAST(${sql} AS ${duckType(to)})`, to, at)
  const template = throughMacro[key]
  if (template === undefined)
    throw new SqlError(`Invalid cast from ${typeText(from)} to ${typeText(to)}`, at)
  return limited(
    template.replaceAll('$1', () => sql),
    to,
    at,
  )
}

/** STRING(10), NUMERIC(10, 2). */
function limited(sql: string, { name, parameters }: SqlType, at: number): string {
  if (parameters === undefined) return sql
  const [first = 0, second = 0] = parameters.split(',').map(Number)
  if (name === 'STRING') return `bq_limit(${sql}, ${first})`
  if (name === 'NUMERIC' || name === 'BIGNUMERIC') {
    return `CAST(CAST(${sql} AS DECIMAL(${Math.min(first, 38)},${second})) AS ${duckType({ name })})`
  }
  throw unsupported(`a parameter of ${name}`, at)
}

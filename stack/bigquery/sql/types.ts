// GoogleSQL's types: names, how DuckDB stores them, which turns into which without being asked to.

export interface SqlType {
  name: TypeName
  /** Of ARRAY. */
  of?: SqlType
  /** Of STRUCT; a field without a name is called ''. */
  fields?: { name: string; type: SqlType }[]
  /** STRING(n), NUMERIC(p, s): as it is written. */
  parameters?: string
}

export type TypeName =
  | 'INT64'
  | 'FLOAT64'
  | 'BOOL'
  | 'STRING'
  | 'BYTES'
  | 'NUMERIC'
  | 'BIGNUMERIC'
  | 'DATE'
  | 'DATETIME'
  | 'TIME'
  | 'TIMESTAMP'
  | 'JSON'
  | 'INTERVAL'
  | 'ARRAY'
  | 'STRUCT'
  /** Of NULL alone, and of an empty array's elements. */
  | 'NULL'

/** The names that a column of a table may have in REST, too. */
export const columnTypeNames: Record<string, TypeName> = {
  INT64: 'INT64',
  INTEGER: 'INT64',
  FLOAT64: 'FLOAT64',
  FLOAT: 'FLOAT64',
  BOOL: 'BOOL',
  BOOLEAN: 'BOOL',
  STRING: 'STRING',
  BYTES: 'BYTES',
  NUMERIC: 'NUMERIC',
  DECIMAL: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
  DATE: 'DATE',
  DATETIME: 'DATETIME',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMP',
  JSON: 'JSON',
}

const aliases: Record<string, TypeName> = {
  ...columnTypeNames,
  INT: 'INT64',
  SMALLINT: 'INT64',
  BIGINT: 'INT64',
  TINYINT: 'INT64',
  BYTEINT: 'INT64',
}

export const typeNamed = (name: string): TypeName | undefined => aliases[name.toUpperCase()]

const simple = (name: TypeName): SqlType => ({ name })
export const int64 = simple('INT64')
export const float64 = simple('FLOAT64')
export const bool = simple('BOOL')
export const string = simple('STRING')
export const bytes = simple('BYTES')
export const numeric = simple('NUMERIC')
export const bignumeric = simple('BIGNUMERIC')
export const date = simple('DATE')
export const datetime = simple('DATETIME')
export const time = simple('TIME')
export const timestamp = simple('TIMESTAMP')
export const json = simple('JSON')
export const nothing = simple('NULL')
export const arrayOf = (of: SqlType): SqlType => ({ name: 'ARRAY', of })

/** As GoogleSQL writes it. */
export function typeText(type: SqlType): string {
  if (type.name === 'ARRAY') return `ARRAY<${typeText(type.of as SqlType)}>`
  if (type.name === 'STRUCT') {
    const fields = type.fields as { name: string; type: SqlType }[]
    return `STRUCT<${fields.map((f) => `${f.name} ${typeText(f.type)}`.trim()).join(', ')}>`
  }
  if (type.name === 'NULL') return 'INT64'
  return type.parameters === undefined ? type.name : `${type.name}(${type.parameters})`
}

const stored: Record<string, string> = {
  INT64: 'BIGINT',
  FLOAT64: 'DOUBLE',
  BOOL: 'BOOLEAN',
  STRING: 'VARCHAR',
  BYTES: 'BLOB',
  NUMERIC: 'DECIMAL(38,9)',
  BIGNUMERIC: 'DECIMAL(38,18)',
  DATE: 'DATE',
  DATETIME: 'TIMESTAMP',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMPTZ',
  JSON: 'JSON',
  INTERVAL: 'INTERVAL',
  NULL: 'BIGINT',
}

/** DuckDB's type. */
export function duckType(type: SqlType): string {
  if (type.name === 'ARRAY') return `${duckType(type.of as SqlType)}[]`
  if (type.name === 'STRUCT') {
    const fields = (type.fields as { name: string; type: SqlType }[]).map(
      (f, i) => `${quoteName(fieldName(f.name, i))} ${duckType(f.type)}`,
    )
    return `STRUCT(${fields.join(', ')})`
  }
  return stored[type.name] as string
}

/** DuckDB's structs need a name for each field. */
export const fieldName = (name: string, position: number): string =>
  name === '' ? `_field_${position + 1}` : name

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`

export function sameType(a: SqlType, b: SqlType): boolean {
  if (a.name !== b.name) return false
  if (a.name === 'ARRAY') return sameType(a.of as SqlType, b.of as SqlType)
  if (a.name !== 'STRUCT') return true
  const [left, right] = [a.fields ?? [], b.fields ?? []]
  return (
    left.length === right.length &&
    left.every((f, i) => sameType(f.type, (right[i] as typeof f).type))
  )
}

const wider: Partial<Record<TypeName, TypeName[]>> = {
  INT64: ['NUMERIC', 'BIGNUMERIC', 'FLOAT64'],
  NUMERIC: ['BIGNUMERIC', 'FLOAT64'],
  BIGNUMERIC: ['FLOAT64'],
  DATE: ['DATETIME'],
}
const literalOf: Partial<Record<TypeName, TypeName[]>> = {
  STRING: ['DATE', 'DATETIME', 'TIME', 'TIMESTAMP', 'BYTES'],
  INT64: [],
  FLOAT64: ['NUMERIC', 'BIGNUMERIC'],
}

/** How far it is from one type to the other: 0 the same, undefined not without a cast. */
export function distance(from: SqlType, to: SqlType, isLiteral: boolean): number | undefined {
  if (sameType(from, to)) return 0
  if (from.name === 'NULL') return 1
  if (from.name === 'ARRAY' && to.name === 'ARRAY') {
    return distance(from.of as SqlType, to.of as SqlType, isLiteral)
  }
  if (from.name === 'STRUCT' && to.name === 'STRUCT') {
    const [left, right] = [from.fields ?? [], to.fields ?? []]
    if (left.length !== right.length) return undefined
    const each = left.map((f, i) => distance(f.type, (right[i] as typeof f).type, isLiteral))
    return each.includes(undefined) ? undefined : Math.max(0, ...(each as number[]))
  }
  const step = wider[from.name]?.indexOf(to.name) ?? -1
  if (step >= 0) return 2 + step
  if (isLiteral && literalOf[from.name]?.includes(to.name)) return 10
  return undefined
}

/** The type that values of both have in common. */
export function commonType(
  types: readonly { type: SqlType; isLiteral: boolean }[],
): SqlType | undefined {
  const first = types.find(({ type }) => type.name !== 'NULL')
  if (!first) return nothing
  const candidates: SqlType[] = [
    ...types.filter(({ isLiteral }) => !isLiteral).map(({ type }) => type),
    ...types.map(({ type }) => type),
    ...types.flatMap(({ type }) => (wider[type.name] ?? []).map(simple)),
  ]
  return candidates.find(
    (to) =>
      to.name !== 'NULL' &&
      types.every(({ type, isLiteral }) => distance(type, to, isLiteral) !== undefined),
  )
}

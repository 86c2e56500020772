// Query parameters as the REST API carries them, as typed literals.

import { invalid } from './refused.ts'
import { asText } from './schema.ts'
import { bytesSql, literal } from './sql/casts.ts'
import type { Typed } from './sql/scope.ts'
import { duckType, fieldName, quoteName, quoteText, typeNamed } from './sql/types.ts'
import type { SqlType } from './sql/types.ts'

interface ParameterType {
  type: string
  arrayType?: ParameterType
  structTypes?: { name?: string; type: ParameterType }[]
}
interface ParameterValue {
  value?: string | null
  arrayValues?: ParameterValue[]
  structValues?: Record<string, ParameterValue>
}
export interface QueryParameter {
  name?: string
  parameterType?: ParameterType
  parameterValue?: ParameterValue
}

export function readParameters(given: readonly QueryParameter[]): {
  named: Map<string, Typed>
  positional: Typed[]
} {
  const named = new Map<string, Typed>()
  const positional: Typed[] = []
  for (const { name, parameterType, parameterValue } of given) {
    if (!parameterType) throw invalid('Query parameter has no type')
    const type = typeOf(parameterType)
    const value: Typed = { sql: valueSql(type, parameterValue ?? {}), type, isLiteral: true }
    const text = parameterValue?.value
    if (type.name === 'STRING' && text !== undefined && text !== null) value.text = text
    if (name) named.set(name.toLowerCase(), value)
    else positional.push(value)
  }
  return { named, positional }
}

function typeOf({ type, arrayType, structTypes }: ParameterType): SqlType {
  if (type === 'ARRAY') return { name: 'ARRAY', of: typeOf(arrayType as ParameterType) }
  if (type === 'STRUCT')
    return {
      name: 'STRUCT',
      fields: (structTypes ?? []).map((each) => ({
        name: each.name ?? '',
        type: typeOf(each.type),
      })),
    }
  const name = typeNamed(type)
  if (name === undefined) throw invalid(`Invalid query parameter type: ${type}`)
  return { name }
}

function valueSql(
  type: SqlType,
  { value: given, arrayValues, structValues }: ParameterValue,
): string {
  if (type.name === 'ARRAY') {
    const items = (arrayValues ?? []).map((item) => valueSql(type.of as SqlType, item))
    return `CAST([${items.join(', ')}] AS ${duckType(type)})`
  }
  if (type.name === 'STRUCT') {
    const packed = (type.fields ?? []).map(
      (field, i) =>
        `${quoteName(fieldName(field.name, i))} := ${valueSql(field.type, structValues?.[field.name] ?? {})}`,
    )
    return `struct_pack(${packed.join(', ')})`
  }
  if (given === undefined || given === null) return `CAST(NULL AS ${duckType(type)})`
  // Clients send numbers as such, too.
  const value = asText(given)
  switch (type.name as string) {
    case 'STRING':
      return quoteText(value)
    case 'BYTES':
      return bytesSql(Buffer.from(value, 'base64'))
    case 'INT64':
      if (!/^[+-]?\d+$/.test(value)) throw invalid(`Invalid value for INT64 parameter: ${value}`)
      return `CAST(${quoteText(value)} AS BIGINT)`
    case 'FLOAT64':
      return `CAST(${quoteText(value)} AS DOUBLE)`
    case 'BOOL':
      return /^true$/i.test(value) ? 'TRUE' : 'FALSE'
    default:
      return literal(type.name, value, 0).sql
  }
}

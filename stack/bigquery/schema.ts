// Schemas as the REST API writes them, and the types of GoogleSQL they mean.

import { invalid } from './refused.ts'
import { columnTypeNames, typeText } from './sql/types.ts'
import type { SqlType, TypeName } from './sql/types.ts'

export interface Field {
  name: string
  /** INTEGER, FLOAT, BOOLEAN, RECORD and the rest. */
  type: string
  mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED'
  fields?: Field[]
  description?: string
  defaultValueExpression?: string
  [other: string]: unknown
}

const typeNames: Record<string, TypeName> = {
  ...columnTypeNames,
  RECORD: 'STRUCT',
  STRUCT: 'STRUCT',
}
const restNames: Partial<Record<TypeName, string>> = {
  INT64: 'INTEGER',
  FLOAT64: 'FLOAT',
  BOOL: 'BOOLEAN',
  STRUCT: 'RECORD',
  NULL: 'INTEGER',
}

/** What JSON holds, as text. */
export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

export const restType = ({ name }: SqlType): string => restNames[name] ?? name

/** A schema as it is given, with every field's type and mode checked and written one way. */
export function readFields(given: unknown): Field[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given)) throw invalid('Invalid value for schema: fields must be a list')
  const seen = new Set<string>()
  return given.map((each: Record<string, unknown>) => {
    const name = asText(each['name'] ?? '')
    if (!/^[\p{L}_][\p{L}\p{N}\p{M}_ &%=+:'<>#|-]{0,299}$/u.test(name))
      throw invalid(
        `Invalid field name "${name}". Fields must contain the allowed characters, and be at most 300 characters long.`,
      )
    if (/^(_TABLE_|_FILE_|_PARTITION)/i.test(name))
      throw invalid(
        `Invalid field name "${name}". Field names are not allowed to start with the (case-insensitive) prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__ and _COLIDENTIFIER.`,
      )
    if (seen.has(name.toLowerCase())) throw invalid(`Field ${name} already exists in schema`)
    seen.add(name.toLowerCase())
    const known = typeNames[String(each['type']).toUpperCase()]
    if (!known)
      throw invalid(`Invalid value for type: ${String(each['type'])} is not a valid value`)
    const type = restType({ name: known })
    const mode = asText(each['mode'] ?? 'NULLABLE').toUpperCase() as Field['mode']
    if (!['NULLABLE', 'REQUIRED', 'REPEATED'].includes(mode))
      throw invalid(`Invalid value for mode: ${mode} is not a valid value`)
    const inner = type === 'RECORD' ? readFields(each['fields']) : undefined
    if (inner?.length === 0) throw invalid(`Field ${name} is type RECORD but has no schema`)
    const field: Field = { ...each, name, type, mode }
    if (inner) field.fields = inner
    return field
  })
}

export function typeOfField(field: Field): SqlType {
  const name = typeNames[field.type] as TypeName
  const of: SqlType =
    name === 'STRUCT'
      ? {
          name,
          fields: (field.fields ?? []).map((each) => ({
            name: each.name,
            type: typeOfField(each),
          })),
        }
      : { name }
  return field.mode === 'REPEATED' ? { name: 'ARRAY', of } : of
}

export function fieldOfType(name: string, type: SqlType, mode: Field['mode'] = 'NULLABLE'): Field {
  if (type.name === 'ARRAY') return fieldOfType(name, type.of as SqlType, 'REPEATED')
  const field: Field = { name, type: restType(type), mode }
  if (type.fields)
    field.fields = type.fields.map((each, i) =>
      fieldOfType(each.name === '' ? `_field_${i + 1}` : each.name, each.type),
    )
  return field
}

export const fieldTypeText = (field: Field): string => typeText(typeOfField(field))

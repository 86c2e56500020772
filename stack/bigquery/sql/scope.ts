// What a name means at a place in a query: the relations of FROM, aliases of the select list, what surrounds it.

import { SqlError } from './sql-error.ts'
import type { Window } from './syntax.ts'
import { fieldName, quoteName } from './types.ts'
import type { SqlType } from './types.ts'

/** An expression in DuckDB's words, and what it is in GoogleSQL. */
export interface Typed {
  sql: string
  type: SqlType
  /** A literal or a parameter may turn into more types than a value. */
  isLiteral?: boolean
  /** Of a literal of text: the text. */
  text?: string
}

export interface Column extends Typed {
  name: string
  /** Found by name, but not by `*`: _PARTITIONTIME. */
  isHidden?: boolean
}

export interface Relation {
  name?: string
  columns: Column[]
  /** Of a value table: the value of the row. */
  whole?: Typed
}

/** A query in DuckDB's words; its columns there are c0, c1, … */
export interface Translated {
  sql: string
  columns: { name: string; type: SqlType }[]
  /** SELECT AS STRUCT, AS VALUE: the one column is the row. */
  isValue?: boolean
}

export interface Scope {
  parent?: Scope | undefined
  relations: Relation[]
  /** Columns that USING merged; found before those of the relations. */
  merged?: Column[]
  aliases?: Map<string, Typed> | undefined
  ctes?: Map<string, Cte>
  windows?: Record<string, Window>
}

export interface Cte extends Translated {
  duckName: string
}

export const emptyScope = (parent?: Scope): Scope => ({ parent, relations: [] })

const lower = (text: string): string => text.toLowerCase()

/** What a path of names is; undefined where nothing of that name is in sight. */
export function lookUp(scope: Scope, path: readonly string[], at: number): Typed {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const found = lookUpHere(s, path, at)
    if (found) return found
  }
  throw new SqlError(`Unrecognized name: ${path[0]}`, at)
}

function lookUpHere(scope: Scope, path: readonly string[], at: number): Typed | undefined {
  const [first, ...rest] = path.map(lower) as [string, ...string[]]
  const alias = scope.aliases?.get(first)
  const relation = scope.relations.find(({ name }) => name !== undefined && lower(name) === first)
  if (alias) return fields(alias, rest, at)
  const merged = scope.merged?.find(({ name }) => lower(name) === first)
  if (merged && !(relation && rest.length > 0)) return fields(merged, rest, at)
  const columns = scope.relations.flatMap((r) =>
    r.columns.filter(({ name }) => lower(name) === first),
  )
  if (relation && (rest.length > 0 || columns.length === 0)) {
    return rest.length === 0 ? wholeOf(relation) : ofRelation(relation, rest, at)
  }
  if (columns.length > 1) throw new SqlError(`Column name ${path[0]} is ambiguous`, at)
  return columns[0] && fields(columns[0], rest, at)
}

function ofRelation(relation: Relation, [name, ...rest]: string[], at: number): Typed {
  const found = relation.columns.filter((column) => lower(column.name) === name)
  if (found.length === 0) {
    if (relation.whole && relation.whole.type.name !== 'STRUCT')
      return fields(relation.whole, [name as string, ...rest], at)
    throw new SqlError(`Name ${name} not found inside ${relation.name}`, at)
  }
  return fields(found[0] as Column, rest, at)
}

/** The row as one value. */
export function wholeOf(relation: Relation): Typed {
  if (relation.whole) return relation.whole
  const columns = relation.columns.filter(({ isHidden }) => !isHidden)
  const packed = columns.map(({ name, sql }, i) => `${quoteName(fieldName(name, i))} := ${sql}`)
  return {
    sql: `struct_pack(${packed.join(', ')})`,
    type: { name: 'STRUCT', fields: columns.map(({ name, type }) => ({ name, type })) },
  }
}

export function fields(value: Typed, names: readonly string[], at: number): Typed {
  return names.reduce((of, name) => fieldOf(of, name, at), value)
}

export function fieldOf({ sql, type }: Typed, name: string, at: number): Typed {
  if (type.name === 'JSON')
    return { sql: `json_extract(${sql}, '$."${name.replaceAll("'", "''")}"')`, type }
  if (type.name !== 'STRUCT')
    throw new SqlError(`Cannot access field ${name} on a value with type ${type.name}`, at)
  const position = (type.fields ?? []).findIndex((field) => lower(field.name) === lower(name))
  const field = type.fields?.[position]
  if (!field) throw new SqlError(`Field name ${name} does not exist in STRUCT`, at)
  return {
    sql: `struct_extract(${sql}, '${fieldName(field.name, position).replaceAll("'", "''")}')`,
    type: field.type,
  }
}

export function cteNamed(scope: Scope, name: string): Cte | undefined {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const found = s.ctes?.get(lower(name))
    if (found) return found
  }
  return undefined
}

export function windowNamed(scope: Scope, name: string, at: number): Window {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const found = s.windows?.[lower(name)]
    if (found) return found
  }
  throw new SqlError(`Unrecognized window alias ${name}`, at)
}

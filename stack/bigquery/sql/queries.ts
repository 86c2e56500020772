// Queries of GoogleSQL in DuckDB's words. Every SELECT there gives columns c0, c1, …; what they are called in GoogleSQL
// is kept beside the text, so that names that occur twice, or that DuckDB would read otherwise, never meet.

import { coerced } from './casts.ts'
import { alike, expression, ordered } from './expressions.ts'
import { cteNamed, emptyScope, lookUp } from './scope.ts'
import type { Column, Cte, Relation, Scope, Translated, Typed } from './scope.ts'
import { SqlError, unsupported } from './sql-error.ts'
import type { Body, Expr, From, Grouping, OrderItem, Query, Select, SelectItem } from './syntax.ts'
import type { Translator } from './translator.ts'
import {
  bool,
  commonType,
  date,
  duckType,
  fieldName,
  int64,
  quoteName,
  quoteText,
  sameType,
  string,
  timestamp,
} from './types.ts'
import type { SqlType } from './types.ts'

export function translateQuery(t: Translator, query: Query, outer?: Scope): Translated {
  const scope: Scope = { ...emptyScope(outer), ctes: new Map() }
  const ctes = query.ctes.map((cte) => commonTable(t, cte, scope, query.isRecursive))
  const limit = limitSql(t, query, scope)
  const rest = query.order.length > 0 ? query.order : []
  const body = bodyOf(t, query.body, scope, rest)
  const isWithRecursive = query.isRecursive && ctes.length > 0
  const head =
    ctes.length > 0 ? `WITH ${isWithRecursive ? 'RECURSIVE ' : ''}${ctes.join(', ')} ` : ''
  return { ...body, sql: `${head}${body.sql}${limit}` }
}

function commonTable(
  t: Translator,
  { name, query, at }: Query['ctes'][number],
  scope: Scope,
  isRecursive: boolean,
): string {
  const duckName = t.fresh('w')
  const key = name.toLowerCase()
  const ctes = scope.ctes as Map<string, Cte>
  if (isRecursive && query.body.k === 'set' && query.body.op === 'UNION') {
    const first = bodyOf(t, query.body.left, { ...emptyScope(scope) }, [])
    ctes.set(key, { ...first, duckName })
    const second = bodyOf(t, query.body.right, { ...emptyScope(scope) }, [])
    const types = first.columns.map(({ type }) => type)
    const both = [first, second].map((part) => recast(part, types, at))
    return `${duckName}(${types.map((_, i) => `c${i}`).join(', ')}) AS (${both.join(query.body.isAll ? ' UNION ALL ' : ' UNION ')})`
  }
  const translated = translateQuery(t, query, scope)
  ctes.set(key, { ...translated, duckName })
  return `${duckName} AS (${translated.sql})`
}

function limitSql(t: Translator, { limit, offset }: Query, scope: Scope): string {
  const count = (e: Expr): string => {
    if (e.k !== 'literal' && e.k !== 'param')
      throw new SqlError('LIMIT expects an integer literal or parameter', e.at)
    return coerced(expression(t, e, scope), int64, e.at)
  }
  return `${limit ? ` LIMIT ${count(limit)}` : ''}${offset ? ` OFFSET ${count(offset)}` : ''}`
}

function bodyOf(t: Translator, body: Body, scope: Scope, order: readonly OrderItem[]): Translated {
  if (body.k === 'select') return selectOf(t, body, scope, order)
  if (body.k === 'nested') {
    const inner = translateQuery(t, body.query, scope)
    if (order.length === 0) return { ...inner, sql: `(${inner.sql})` }
    return {
      ...inner,
      sql: `SELECT * FROM (${inner.sql}) AS n${outputOrder(t, inner, scope, order)}`,
    }
  }
  return setOf(t, body, scope, order)
}

function setOf(
  t: Translator,
  body: Body & { k: 'set' },
  scope: Scope,
  order: readonly OrderItem[],
): Translated {
  const parts = flattened(body)
  const sides = parts.map((part) => bodyOf(t, part, scope, []))
  const [first] = sides as [Translated]
  const counts = sides.map(({ columns }) => columns.length)
  if (counts.some((count) => count !== counts[0])) {
    throw new SqlError(
      `Queries in ${body.op} ${body.isAll ? 'ALL' : 'DISTINCT'} have mismatched column count`,
      body.at,
    )
  }
  const columns = first.columns.map(({ name }, i) => {
    const given = sides.map((side, k) => ({
      type: (side.columns[i] as { type: SqlType }).type,
      isLiteral: isLiteralColumn(parts[k] as Body, i),
    }))
    const type = commonType(given)
    if (!type)
      throw new SqlError(
        `Column ${i + 1} in ${body.op} ${body.isAll ? 'ALL' : 'DISTINCT'} has incompatible types`,
        body.at,
      )
    return { name, type }
  })
  const types = columns.map(({ type }) => (type.name === 'NULL' ? int64 : type))
  if (body.isAll && body.op !== 'UNION') throw unsupported(`${body.op} ALL`, body.at)
  const operator = ` ${body.op}${body.isAll ? ' ALL' : ''} `
  const joined = sides.map((side) => recast(side, types, body.at)).join(operator)
  const result = { columns: columns.map(({ name }, i) => ({ name, type: types[i] as SqlType })) }
  if (order.length === 0) return { ...result, sql: joined }
  return {
    ...result,
    sql: `SELECT * FROM (${joined}) AS s${outputOrder(t, { ...result, sql: '' }, scope, order, 's')}`,
  }
}

/** `a UNION ALL b UNION ALL c` is one union of three. */
function flattened(body: Body & { k: 'set' }): Body[] {
  const { left, right } = body
  const isSame = left.k === 'set' && left.op === body.op && left.isAll === body.isAll
  return [...(isSame ? flattened(left) : [left]), right]
}

function isLiteralColumn(body: Body, i: number): boolean {
  if (body.k !== 'select') return false
  const item = body.items[i]
  return item?.k === 'item' && item.value.k === 'literal'
}

/** The rows with columns of these types; parenthesised. */
function recast(part: Translated, types: readonly SqlType[], at: number): string {
  const isSame = part.columns.every(
    ({ type }, i) => sameType(type, types[i] as SqlType) && type.name !== 'STRUCT',
  )
  if (isSame) return `(${part.sql})`
  const columns = part.columns.map(({ type }, i) => {
    const to = types[i] as SqlType
    const sql =
      type.name === 'STRING' && to.name !== 'STRING'
        ? coerced({ sql: `r.c${i}`, type, isLiteral: true }, to, at)
        : `CAST(r.c${i} AS ${duckType(to)})`
    return `${sql} AS c${i}`
  })
  return `(SELECT ${columns.join(', ')} FROM (${part.sql}) AS r)`
}

/** ORDER BY behind a set operation sees the columns of the result alone. */
function outputOrder(
  t: Translator,
  { columns }: Translated,
  scope: Scope,
  order: readonly OrderItem[],
  name = 'n',
): string {
  const relation: Relation = {
    columns: columns.map((column, i) => ({ ...column, sql: `${name}.c${i}` })),
  }
  const inner: Scope = { ...emptyScope(scope), relations: [relation] }
  const items = order.map((item) => {
    const position = ordinal(item.of, columns.length)
    return ordered(
      position === undefined ? expression(t, item.of, inner).sql : String(position),
      item,
    )
  })
  return ` ORDER BY ${items.join(', ')}`
}

function ordinal(of: Expr, columns: number): number | undefined {
  if (of.k !== 'literal' || of.type !== 'INT64') return undefined
  const position = Number(of.value)
  if (position < 1 || position > columns)
    throw new SqlError(`ORDER BY is out of SELECT column number range: ${position}`, of.at)
  return position
}

interface Output extends Typed {
  name: string
  isNamed: boolean
  /** A name in the select list that others may mean. */
  alias?: string
}

function selectOf(
  t: Translator,
  select: Select,
  outer: Scope,
  order: readonly OrderItem[],
): Translated {
  const scope: Scope = { ...emptyScope(outer), windows: select.windows }
  const from = select.from ? ` FROM ${fromOf(t, select.from, scope)}` : ''
  const where = select.where ? ` WHERE ${condition(t, select.where, scope)}` : ''
  const outputs = select.items.flatMap((item) => outputsOf(t, item, scope, select))
  let anonymous = 0
  for (const output of outputs) if (!output.isNamed) output.name = `f${anonymous++}_`
  const aliases = new Map<string, Typed>()
  for (const output of outputs) {
    if (output.alias !== undefined) aliases.set(output.alias.toLowerCase(), output)
  }
  const aliased: Scope = { ...scope, aliases }
  const group = select.group
    ? ` GROUP BY ${groupingSql(t, select.group, scope, outputs, aliases)}`
    : ''
  const having = select.having
    ? ` HAVING ${condition(t, select.having, { ...scope, aliases: withoutColumns(aliases, scope) })}`
    : ''
  const qualify = select.qualify ? ` QUALIFY ${condition(t, select.qualify, aliased)}` : ''
  const distinct = select.isDistinct ? 'DISTINCT ' : ''
  const columns = outputs.map(({ name, type }) => ({ name, type }))
  const { list, result } = asWhat(select, outputs, columns)
  const orderBy =
    order.length > 0
      ? ` ORDER BY ${order.map((item) => orderItem(t, item, aliased, outputs, aliases)).join(', ')}`
      : ''
  const sql = `SELECT ${distinct}${list.map((item, i) => `${item} AS c${i}`).join(', ')}${from}${where}${group}${having}${qualify}${orderBy}`
  return { ...result, sql }
}

/** In HAVING a column of FROM comes before an alias. */
function withoutColumns(aliases: Map<string, Typed>, scope: Scope): Map<string, Typed> {
  const columns = new Set(
    scope.relations.flatMap((r) => r.columns.map(({ name }) => name.toLowerCase())),
  )
  return new Map([...aliases].filter(([name]) => !columns.has(name)))
}

function asWhat(
  select: Select,
  outputs: Output[],
  columns: Translated['columns'],
): { list: string[]; result: Omit<Translated, 'sql'> } {
  if (select.as === 'STRUCT') {
    const type: SqlType = {
      name: 'STRUCT',
      fields: outputs.map(({ name, type: of, isNamed }) => ({
        name: isNamed ? name : '',
        type: of.name === 'NULL' ? int64 : of,
      })),
    }
    const packed = outputs.map(
      ({ sql, name, isNamed, type: of }, i) =>
        `${quoteName(fieldName(isNamed ? name : '', i))} := ${of.name === 'NULL' ? 'CAST(NULL AS BIGINT)' : sql}`,
    )
    return {
      list: [`struct_pack(${packed.join(', ')})`],
      result: { columns: [{ name: '', type }], isValue: true },
    }
  }
  if (select.as === 'VALUE') {
    if (outputs.length !== 1)
      throw new SqlError('SELECT AS VALUE query must have exactly one column', select.at)
    return { list: outputs.map(({ sql }) => sql), result: { columns, isValue: true } }
  }
  return {
    list: outputs.map(({ sql, type }) => (type.name === 'NULL' ? 'CAST(NULL AS BIGINT)' : sql)),
    result: { columns },
  }
}

function condition(t: Translator, e: Expr, scope: Scope): string {
  const value = expression(t, e, scope)
  if (value.type.name !== 'BOOL' && value.type.name !== 'NULL')
    throw new SqlError(
      `WHERE clause should return type BOOL, but returns type ${value.type.name}`,
      e.at,
    )
  return coerced(value, bool, e.at)
}

function orderItem(
  t: Translator,
  item: OrderItem,
  scope: Scope,
  outputs: readonly Output[],
  aliases: ReadonlyMap<string, Typed>,
): string {
  const position = ordinal(item.of, outputs.length)
  if (position !== undefined) return ordered(String(position), item)
  if (item.of.k === 'name' && item.of.path.length === 1) {
    const found = aliases.get((item.of.path[0] as string).toLowerCase())
    const at = found ? outputs.indexOf(found as Output) : -1
    if (at >= 0) return ordered(String(at + 1), item)
  }
  const value = expression(t, item.of, scope)
  const same = outputs.findIndex(({ sql }) => sql === value.sql)
  return ordered(same >= 0 ? String(same + 1) : value.sql, item)
}

function groupingSql(
  t: Translator,
  group: Grouping,
  scope: Scope,
  outputs: readonly Output[],
  aliases: ReadonlyMap<string, Typed>,
): string {
  const item = (e: Expr): string => {
    if (e.k === 'literal' && e.type === 'INT64') {
      const output = outputs[Number(e.value) - 1]
      if (!output)
        throw new SqlError(`GROUP BY is out of SELECT column number range: ${e.value}`, e.at)
      return output.sql
    }
    const alias =
      e.k === 'name' && e.path.length === 1
        ? aliases.get((e.path[0] as string).toLowerCase())
        : undefined
    return alias ? alias.sql : expression(t, e, scope).sql
  }
  const set = (items: readonly Expr[]): string => `(${items.map(item).join(', ')})`
  switch (group.how) {
    case 'ALL':
      return 'ALL'
    case 'items':
      return group.items.map(item).join(', ')
    case 'SETS':
      return `GROUPING SETS (${group.sets.map((each) => `${each.how === 'set' ? '' : each.how}${set(each.items)}`).join(', ')})`
    case 'ROLLUP':
    case 'CUBE':
      return `${group.how} ${set(group.items)}`
  }
}

function outputsOf(t: Translator, item: SelectItem, scope: Scope, select: Select): Output[] {
  if (item.k === 'item') {
    const value = expression(t, item.value, scope)
    const name = item.alias ?? impliedName(item.value)
    return [
      {
        ...value,
        name: name ?? '',
        isNamed: name !== undefined,
        ...(name !== undefined && { alias: name }),
      },
    ]
  }
  if (!select.from && !item.of) throw new SqlError('SELECT * must have a FROM clause', item.at)
  const columns = item.of ? starOf(t, item.of, scope) : starColumns(scope)
  const except = new Set(item.except.map((name) => name.toLowerCase()))
  const kept = columns.filter(({ name }) => !except.has(name.toLowerCase()))
  for (const name of except) {
    if (!columns.some((column) => column.name.toLowerCase() === name))
      throw new SqlError(`Column ${name} in SELECT * EXCEPT list does not exist`, item.at)
  }
  return kept.map((column) => {
    const replaced = item.replace.find(
      ({ name }) => name.toLowerCase() === column.name.toLowerCase(),
    )
    const value = replaced ? expression(t, replaced.value, scope) : column
    return { ...value, name: column.name, isNamed: column.name !== '' }
  })
}

function starColumns({ relations, merged = [] }: Scope): Column[] {
  const names = new Set(merged.map(({ name }) => name.toLowerCase()))
  return [
    ...merged,
    ...relations.flatMap(({ columns }) =>
      columns.filter(({ name, isHidden }) => !isHidden && !names.has(name.toLowerCase())),
    ),
  ]
}

function starOf(t: Translator, of: Expr, scope: Scope): Column[] {
  if (of.k === 'name' && of.path.length === 1) {
    const relation = scope.relations.find(
      ({ name }) => name?.toLowerCase() === (of.path[0] as string).toLowerCase(),
    )
    if (relation) return relation.columns.filter(({ isHidden }) => !isHidden)
  }
  const value = expression(t, of, scope)
  if (value.type.name !== 'STRUCT')
    throw new SqlError('Dot-star is not supported for this type', of.at)
  return structColumns(value)
}

function structColumns({ sql, type }: Typed): Column[] {
  return (type.fields ?? []).map((field, i) => ({
    name: field.name,
    type: field.type,
    sql: `struct_extract(${sql}, ${quoteText(fieldName(field.name, i))})`,
  }))
}

function impliedName(e: Expr): string | undefined {
  if (e.k === 'name') return e.path.at(-1)
  if (e.k === 'field') return e.name
  return undefined
}

export function fromOf(t: Translator, from: From, scope: Scope): string {
  switch (from.k) {
    case 'table':
      return tableOf(t, from, scope)
    case 'subquery': {
      const query = translateQuery(t, from.query, scope)
      const name = t.fresh('t')
      scope.relations.push(relationOf(query, name, from.alias))
      return `(${query.sql}) AS ${name}`
    }
    case 'unnest':
      return unnestOf(t, from, scope)
    case 'join':
      return joinOf(t, from, scope)
    case 'pivot':
      return pivotOf(t, from, scope)
    case 'unpivot':
      return unpivotOf(t, from, scope)
  }
}

function relationOf(query: Translated, duckName: string, alias: string | undefined): Relation {
  const named = alias === undefined ? {} : { name: alias }
  if (query.isValue) {
    const whole = { sql: `${duckName}.c0`, type: (query.columns[0] as { type: SqlType }).type }
    return whole.type.name === 'STRUCT'
      ? { ...named, whole, columns: structColumns(whole) }
      : { ...named, whole, columns: alias === undefined ? [{ ...whole, name: '' }] : [] }
  }
  return {
    ...named,
    columns: query.columns.map((column, i) => ({
      ...column,
      type: column.type.name === 'NULL' ? int64 : column.type,
      sql: `${duckName}.c${i}`,
    })),
  }
}

function tableOf(t: Translator, from: From & { k: 'table' }, scope: Scope): string {
  const { path, alias = path.at(-1), at } = from
  const name = t.fresh('t')
  if (path.length === 1) {
    const cte = cteNamed(scope, path[0] as string)
    if (cte) {
      scope.relations.push(relationOf(cte, name, alias))
      return `${cte.duckName} AS ${name}`
    }
  }
  if (path.length > 1 && refersToColumn(scope, path)) {
    return unnestOf(
      t,
      {
        k: 'unnest',
        at,
        array: { k: 'name', at, path },
        ...(from.alias !== undefined && { alias: from.alias }),
      },
      scope,
    )
  }
  if (from.asOf) throw unsupported('FOR SYSTEM_TIME AS OF', from.asOf.at)
  const found = t.catalog.resolve(path, at)
  switch (found.k) {
    case 'view': {
      t.tables.add(found.id)
      const view = t.view(found)
      scope.relations.push(relationOf(view.translated, name, alias))
      return `${view.name} AS ${name}`
    }
    case 'rows':
      scope.relations.push(relationOf(found, name, alias))
      return `(${found.sql}) AS ${name}`
    case 'wildcard':
      return wildcardOf(found, scope, name, alias)
    case 'table': {
      t.tables.add(found.id)
      const columns: Column[] = found.columns.map((column) => ({
        ...column,
        sql: `${name}.${quoteName(column.name)}`,
      }))
      if (found.partitionColumn !== undefined) {
        const sql = `${name}.${quoteName(found.partitionColumn)}`
        columns.push({ name: '_PARTITIONTIME', type: timestamp, sql, isHidden: true })
        columns.push({
          name: '_PARTITIONDATE',
          type: date,
          sql: `CAST((${sql} AT TIME ZONE 'UTC') AS DATE)`,
          isHidden: true,
        })
      }
      scope.relations.push({ ...(alias !== undefined && { name: alias }), columns })
      return `${found.duckName} AS ${name}`
    }
  }
}

function refersToColumn(scope: Scope, path: readonly string[]): boolean {
  const first = (path[0] as string).toLowerCase()
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    if (s.relations.some(({ name }) => name?.toLowerCase() === first)) return true
  }
  return false
}

function wildcardOf(
  {
    tables,
  }: { tables: { suffix: string; duckName: string; columns: { name: string; type: SqlType }[] }[] },
  scope: Scope,
  name: string,
  alias: string | undefined,
): string {
  // The newest table, which is the last, says which columns there are.
  const columns = tables.at(-1)?.columns ?? []
  const selects = tables.map((table) => {
    const items = columns.map((column, i) => {
      const own = table.columns.find(
        (each) => each.name.toLowerCase() === column.name.toLowerCase(),
      )
      return `${own ? `CAST(${quoteName(own.name)} AS ${duckType(column.type)})` : `CAST(NULL AS ${duckType(column.type)})`} AS c${i}`
    })
    return `SELECT ${[...items, `${quoteText(table.suffix)} AS suffix`].join(', ')} FROM ${table.duckName}`
  })
  scope.relations.push({
    ...(alias !== undefined && { name: alias }),
    columns: [
      ...columns.map((column, i) => ({
        name: column.name,
        type: column.type,
        sql: `${name}.c${i}`,
      })),
      { name: '_TABLE_SUFFIX', type: string, sql: `${name}.suffix`, isHidden: true },
    ],
  })
  return `(${selects.join(' UNION ALL ')}) AS ${name}`
}

function unnestOf(
  t: Translator,
  { array, alias, offset, at }: From & { k: 'unnest' },
  scope: Scope,
): string {
  const value = expression(t, array, scope)
  if (value.type.name !== 'ARRAY')
    throw new SqlError(
      `Values referenced in UNNEST must be arrays. UNNEST contains expression of type ${value.type.name}`,
      at,
    )
  const name = t.fresh('u')
  const of = value.type.of as SqlType
  const element: SqlType = of.name === 'NULL' ? int64 : of
  const whole = { sql: `${name}.c0`, type: element }
  const implied = alias ?? (array.k === 'name' ? array.path.at(-1) : undefined)
  const columns: Column[] =
    element.name === 'STRUCT'
      ? structColumns(whole)
      : implied === undefined
        ? [{ ...whole, name: '' }]
        : [{ ...whole, name: implied }]
  scope.relations.push({ ...(implied !== undefined && { name: implied }), whole, columns })
  if (offset !== undefined)
    scope.relations.push({ columns: [{ name: offset, type: int64, sql: `${name}.c1` }] })
  const list = `CAST(${value.sql} AS ${duckType(element)}[])`
  // Both columns come from one list, so that they stay together.
  const rows =
    offset === undefined
      ? `SELECT unnest(${list}) AS c0`
      : `SELECT e.e.v AS c0, e.e.i AS c1 FROM (SELECT unnest(list_transform(${list}, lambda v, i: {'v': v, 'i': CAST(i - 1 AS BIGINT)})) AS e) AS e`
  return `LATERAL (${rows}) AS ${name}`
}

function joinOf(t: Translator, from: From & { k: 'join' }, scope: Scope): string {
  const left = fromOf(t, from.left, scope)
  const before = scope.relations.length
  const right = fromOf(t, from.right, scope)
  const { how, at } = from
  if (from.using) return usingJoin(from, scope, before, `${left} ${how} JOIN ${right}`)
  if (how === 'CROSS') return `${left} CROSS JOIN ${right}`
  if (!from.on)
    return right.startsWith('LATERAL')
      ? `${left} ${how} JOIN ${right} ON TRUE`
      : ((): never => {
          throw new SqlError(
            `${how} JOIN must have an immediately following ON or USING clause`,
            at,
          )
        })()
  return `${left} ${how} JOIN ${right} ON ${condition(t, from.on, scope)}`
}

function usingJoin(
  { using = [], how, at }: From & { k: 'join' },
  scope: Scope,
  before: number,
  join: string,
): string {
  const side = (relations: Relation[], merged: Column[]): Scope => ({
    ...emptyScope(),
    relations,
    merged,
  })
  const left = side(scope.relations.slice(0, before), scope.merged ?? [])
  const right = side(scope.relations.slice(before), [])
  const conditions: string[] = []
  const merged = using.map((name) => {
    const [a, b] = [lookUp(left, [name], at), lookUp(right, [name], at)]
    const both = alike([a, b], at)
    conditions.push(`${both.values[0]} = ${both.values[1]}`)
    const sql =
      how === 'FULL'
        ? `coalesce(${both.values.join(', ')})`
        : how === 'RIGHT'
          ? (both.values[1] as string)
          : (both.values[0] as string)
    return { name, type: both.type, sql }
  })
  const names = new Set(using.map((name) => name.toLowerCase()))
  scope.merged = [
    ...merged,
    ...(scope.merged ?? []).filter(({ name }) => !names.has(name.toLowerCase())),
  ]
  return `${join} ON ${conditions.join(' AND ')}`
}

/** Sums by column: a group for what the aggregates do not name. */
function pivotOf(t: Translator, from: From & { k: 'pivot' }, scope: Scope): string {
  const inner: Scope = emptyScope(scope)
  const source = fromOf(t, from.of, inner)
  const used = new Set<string>()
  const note = (e: unknown): void => {
    if (typeof e !== 'object' || e === null) return
    const node = e as { k?: string; path?: string[] }
    if (node.k === 'name')
      used.add((node.path ?? []).join('.').split('.').at(-1)?.toLowerCase() ?? '')
    for (const value of Object.values(e)) note(value)
  }
  for (const { call } of from.calls) note(call)
  note(from.by)
  const kept = starColumns(inner).filter(({ name }) => !used.has(name.toLowerCase()))
  const columns: { name: string; type: SqlType; sql: string }[] = kept.map((column) => ({
    ...column,
  }))
  for (const value of from.values) {
    for (const { call, alias } of from.calls) {
      if (call.k !== 'call')
        throw new SqlError('PIVOT expression is not an aggregate function call', call.at)
      const when: Expr = { k: 'binary', at: call.at, op: '=', left: from.by, right: value.value }
      const only = (arg: Expr): Expr => ({
        k: 'case',
        at: call.at,
        whens: [
          {
            when,
            value:
              arg.k === 'star' ? { k: 'literal', at: call.at, type: 'INT64', value: '1' } : arg,
          },
        ],
      })
      const made = expression(
        t,
        { ...call, args: call.args.map((arg, i) => (i === 0 ? only(arg) : arg)) },
        inner,
      )
      const label = value.alias ?? labelOf(value.value)
      columns.push({ ...made, name: alias === undefined ? label : `${alias}_${label}` })
    }
  }
  const name = t.fresh('p')
  const group = kept.length > 0 ? ` GROUP BY ${kept.map(({ sql }) => sql).join(', ')}` : ''
  const sql = `SELECT ${columns.map((column, i) => `${column.sql} AS c${i}`).join(', ')} FROM ${source}${group}`
  scope.relations.push(relationOf({ sql, columns }, name, from.alias))
  return `(${sql}) AS ${name}`
}

function labelOf(e: Expr): string {
  if (e.k === 'literal' && ['STRING', 'INT64', 'BOOL'].includes(e.type)) {
    if (e.type === 'BOOL') return e.value.toLowerCase()
    return e.type === 'INT64'
      ? `_${e.value.replace('-', 'minus_')}`
      : e.value.replace(/\W/g, '_').replace(/^(\d)/, '_$1')
  }
  throw unsupported('a PIVOT column without an alias', e.at)
}

function unpivotOf(t: Translator, from: From & { k: 'unpivot' }, scope: Scope): string {
  const inner: Scope = emptyScope(scope)
  const source = fromOf(t, from.of, inner)
  const picked = from.columns.map((column) => ({
    ...column,
    value: lookUp(inner, [column.name], from.at),
  }))
  const names = new Set(from.columns.map(({ name }) => name.toLowerCase()))
  const kept = starColumns(inner).filter(({ name }) => !names.has(name.toLowerCase()))
  const values = alike(
    picked.map(({ value }) => value),
    from.at,
  )
  const labels = picked.map(({ label, name }) =>
    label ? expression(t, label, inner) : { sql: quoteText(name), type: string, isLiteral: true },
  )
  const label = alike(labels, from.at)
  const selects = values.values.map((value, i) => {
    const where = from.includeNulls ? '' : ` WHERE ${value} IS NOT NULL`
    const items = [...kept.map(({ sql }) => sql), value, label.values[i] as string]
    return `SELECT ${items.map((item, k) => `${item} AS c${k}`).join(', ')} FROM ${source}${where}`
  })
  const sql = selects.join(' UNION ALL ')
  const columns = [
    ...kept.map(({ name, type }) => ({ name, type })),
    { name: from.value, type: values.type },
    { name: from.by, type: label.type },
  ]
  const name = t.fresh('p')
  scope.relations.push(relationOf({ sql, columns }, name, from.alias))
  return `(${sql}) AS ${name}`
}

// Statements: a query, DML, DDL. A text may hold several, parted by semicolons.

import { Cursor } from './cursor.ts'
import { parseExpression, startsQuery } from './parse-expression.ts'
import { fromClause, parseQuery } from './parse-query.ts'
import { SqlError, unsupported } from './sql-error.ts'
import type {
  AlterChange,
  Assignment,
  ColumnDefinition,
  CreateMode,
  CreateTable,
  Expr,
  MergeWhen,
  OptionValue,
  Statement,
} from './syntax.ts'

export interface ParsedStatement {
  statement: Statement
  /** What the live service calls it. */
  type: string
}

export function parseScript(sql: string): ParsedStatement[] {
  const c = new Cursor(sql)
  const statements: ParsedStatement[] = []
  while (c.take(';'));
  while (c.token.kind !== 'end') {
    statements.push(statement(c))
    if (c.peek(0).kind !== 'end' && !c.take(';')) throw c.unexpected('end of input')
    while (c.take(';'));
  }
  if (statements.length === 0)
    throw new SqlError('Syntax error: Unexpected end of statement', sql.length)
  return statements
}

const scripting = [
  'DECLARE',
  'SET',
  'BEGIN',
  'IF',
  'LOOP',
  'WHILE',
  'REPEAT',
  'FOR',
  'CALL',
  'EXECUTE',
  'EXPORT',
  'LOAD',
  'ASSERT',
  'GRANT',
  'REVOKE',
  'RAISE',
  'COMMIT',
  'ROLLBACK',
  'UNDROP',
]

function statement(c: Cursor): ParsedStatement {
  const { at } = c
  if (startsQuery(c)) return { statement: { k: 'query', query: parseQuery(c) }, type: 'SELECT' }
  if (c.take('INSERT')) return { statement: insert(c, at), type: 'INSERT' }
  if (c.take('UPDATE')) return { statement: update(c, at), type: 'UPDATE' }
  if (c.take('DELETE')) return { statement: remove(c, at), type: 'DELETE' }
  if (c.take('TRUNCATE')) {
    c.expect('TABLE')
    return { statement: { k: 'truncate', at, table: c.tablePath() }, type: 'TRUNCATE_TABLE' }
  }
  if (c.take('MERGE')) return { statement: merge(c, at), type: 'MERGE' }
  if (c.take('CREATE')) return create(c, at)
  if (c.take('DROP')) return drop(c, at)
  if (c.take('ALTER')) return alter(c, at)
  const word = c.token.upper
  if (scripting.includes(word)) throw unsupported(`the statement ${word}`, at)
  throw c.unexpected()
}

function insert(c: Cursor, at: number): Statement {
  c.take('INTO')
  const table = c.tablePath()
  const columns = c.is('(') && !startsQuery(c) ? names(c) : undefined
  const common = { k: 'insert', at, table, ...(columns && { columns }) } as const
  if (!c.take('VALUES')) return { ...common, query: parseQuery(c) }
  const rows: (Expr | 'DEFAULT')[][] = []
  do {
    c.expect('(')
    rows.push(valuesOrDefault(c))
  } while (c.take(','))
  return { ...common, rows }
}

function valuesOrDefault(c: Cursor): (Expr | 'DEFAULT')[] {
  const values: (Expr | 'DEFAULT')[] = []
  while (!c.is(')')) {
    values.push(c.take('DEFAULT') ? 'DEFAULT' : parseExpression(c))
    if (!c.take(',')) break
  }
  c.expect(')')
  return values
}

function update(c: Cursor, at: number): Statement {
  const table = c.tablePath()
  const alias = c.is('SET') ? undefined : c.alias()
  c.expect('SET')
  const set = assignments(c)
  const from = c.take('FROM') ? fromClause(c) : undefined
  c.expect('WHERE')
  const where = parseExpression(c)
  return {
    k: 'update',
    at,
    table,
    set,
    where,
    ...(alias !== undefined && { alias }),
    ...(from && { from }),
  }
}

function assignments(c: Cursor): Assignment[] {
  const set: Assignment[] = []
  do {
    const { at } = c
    const path = [c.name()]
    while (c.take('.')) path.push(c.nameAfterDot())
    c.expect('=')
    set.push({ path, at, value: c.take('DEFAULT') ? 'DEFAULT' : parseExpression(c) })
  } while (c.take(','))
  return set
}

function remove(c: Cursor, at: number): Statement {
  c.take('FROM')
  const table = c.tablePath()
  const alias = c.is('WHERE') ? undefined : c.alias()
  c.expect('WHERE')
  return {
    k: 'delete',
    at,
    table,
    where: parseExpression(c),
    ...(alias !== undefined && { alias }),
  }
}

function merge(c: Cursor, at: number): Statement {
  c.take('INTO')
  const table = c.tablePath()
  const alias = c.is('USING') ? undefined : c.alias()
  c.expect('USING')
  const source = fromClause(c)
  c.expect('ON')
  const on = parseExpression(c)
  const whens: MergeWhen[] = []
  while (c.take('WHEN')) whens.push(mergeWhen(c))
  return { k: 'merge', at, table, source, on, whens, ...(alias !== undefined && { alias }) }
}

function mergeWhen(c: Cursor): MergeWhen {
  const isNegated = c.take('NOT')
  c.expect('MATCHED')
  const bySource = c.take('BY') && c.takeOne('SOURCE', 'TARGET') === 'SOURCE'
  const matched = isNegated ? (bySource ? 'NOT MATCHED BY SOURCE' : 'NOT MATCHED') : 'MATCHED'
  const and = c.take('AND') ? parseExpression(c) : undefined
  c.expect('THEN')
  const common = { matched, ...(and && { and }) } as const
  if (c.take('UPDATE')) {
    c.expect('SET')
    return { ...common, action: { k: 'update', set: assignments(c) } }
  }
  if (c.take('DELETE')) return { ...common, action: { k: 'delete' } }
  c.expect('INSERT')
  if (c.take('ROW')) return { ...common, action: { k: 'insertRow' } }
  const columns = c.is('(') ? names(c) : undefined
  if (c.take('ROW')) return { ...common, action: { k: 'insertRow' } }
  c.expect('VALUES', '(')
  return {
    ...common,
    action: { k: 'insert', values: valuesOrDefault(c), ...(columns && { columns }) },
  }
}

function names(c: Cursor): string[] {
  c.expect('(')
  const found: string[] = []
  do found.push(c.name())
  while (c.take(','))
  c.expect(')')
  return found
}

function create(c: Cursor, at: number): ParsedStatement {
  const isReplace = c.take('OR', 'REPLACE')
  const isTemp = c.takeOne('TEMP', 'TEMPORARY') !== undefined
  const isSnapshot = c.take('SNAPSHOT')
  const what = c.takeOne('TABLE', 'VIEW', 'SCHEMA')
  if (what === undefined) throw unsupported(`CREATE ${c.token.text}`, at)
  const mode: CreateMode = c.take('IF', 'NOT', 'EXISTS')
    ? 'ifNotExists'
    : isReplace
      ? 'orReplace'
      : 'plain'
  const name = c.tablePath()
  if (what === 'SCHEMA') {
    const options = c.is('OPTIONS') ? optionList(c) : {}
    return { statement: { k: 'createSchema', at, name, mode, options }, type: 'CREATE_SCHEMA' }
  }
  if (what === 'VIEW') {
    const columns = c.is('(') ? names(c) : undefined
    const options = c.is('OPTIONS') ? optionList(c) : {}
    c.expect('AS')
    const start = c.at
    const query = parseQuery(c)
    const text = c.sql.slice(start, c.lastEnd)
    return {
      statement: {
        k: 'createView',
        at,
        name,
        mode,
        query,
        text,
        options,
        ...(columns && { columns }),
      },
      type: 'CREATE_VIEW',
    }
  }
  const table: CreateTable = { k: 'createTable', at, name, mode, isTemp, options: {} }
  if (isSnapshot) {
    c.expect('CLONE')
    table.copyOf = c.tablePath()
    if (c.is('FOR')) throw unsupported('a snapshot of an earlier time', c.at)
    if (c.is('OPTIONS')) table.options = optionList(c)
    return { statement: table, type: 'CREATE_SNAPSHOT_TABLE' }
  }
  return createTable(c, table)
}

function createTable(c: Cursor, table: CreateTable): ParsedStatement {
  if (c.is('(')) table.columns = columnList(c)
  if (c.take('LIKE')) table.like = c.tablePath()
  if (c.takeOne('CLONE', 'COPY') !== undefined) table.copyOf = c.tablePath()
  if (c.is('FOR', 'SYSTEM_TIME')) throw unsupported('a copy of an earlier time', c.at)
  if (c.is('DEFAULT', 'COLLATE')) throw unsupported('collation', c.at)
  if (c.take('PARTITION')) {
    c.expect('BY')
    table.partition = partitionOf(c)
  }
  if (c.take('CLUSTER')) {
    c.expect('BY')
    table.cluster = []
    do table.cluster.push(c.name())
    while (c.take(','))
  }
  if (c.is('OPTIONS')) table.options = optionList(c)
  if (c.take('AS')) table.query = parseQuery(c)
  return { statement: table, type: table.query ? 'CREATE_TABLE_AS_SELECT' : 'CREATE_TABLE' }
}

function partitionOf(c: Cursor): NonNullable<CreateTable['partition']> {
  const start = c.at
  const by = parseExpression(c)
  const text = c.sql.slice(start, c.lastEnd)
  if (by.k === 'name') return { text, field: by.path[0] as string }
  if (by.k === 'call' && by.args[0]?.k === 'name') {
    const field = by.args[0].path[0] as string
    if (by.name === 'DATE') return { text, field, unit: 'DAY' }
    if (by.name === 'RANGE_BUCKET' && by.args[1]?.k === 'call') {
      const bounds = by.args[1].args.map((each) => (each.k === 'literal' ? each.value : ''))
      return { text, field, range: bounds as [string, string, string] }
    }
    if (/^(DATE|DATETIME|TIMESTAMP)_TRUNC$/.test(by.name) && by.args[1]?.k === 'name') {
      return { text, field, unit: (by.args[1].path[0] as string).toUpperCase() }
    }
  }
  throw unsupported(`PARTITION BY ${text}`, start)
}

function columnList(c: Cursor): ColumnDefinition[] {
  c.expect('(')
  const columns: ColumnDefinition[] = []
  while (!c.is(')')) {
    if (c.is('PRIMARY', 'KEY') || c.is('FOREIGN', 'KEY') || c.is('CONSTRAINT')) skipConstraint(c)
    else columns.push(column(c))
    if (!c.take(',')) break
  }
  c.expect(')')
  return columns
}

/** Keys are not enforced, neither there nor here. */
function skipConstraint(c: Cursor): void {
  let depth = 0
  while (depth > 0 || !(c.is(',') || c.is(')'))) {
    if (c.is('(')) depth++
    if (c.is(')')) depth--
    if (c.next().kind === 'end') throw c.unexpected()
  }
}

function column(c: Cursor): ColumnDefinition {
  const result: ColumnDefinition = {
    name: c.name(),
    type: c.type(),
    isRequired: false,
    options: {},
  }
  for (;;) {
    if (c.take('NOT', 'NULL')) result.isRequired = true
    else if (c.take('DEFAULT')) {
      const start = c.at
      parseExpression(c)
      result.defaultSql = c.sql.slice(start, c.lastEnd)
    } else if (c.is('OPTIONS')) result.options = optionList(c)
    else if (c.take('PRIMARY', 'KEY')) {
      c.take('NOT', 'ENFORCED')
    } else if (c.is('COLLATE') || c.is('GENERATED'))
      throw unsupported(`${c.token.upper} of a column`, c.at)
    else return result
  }
}

function optionList(c: Cursor): Record<string, OptionValue> {
  c.expect('OPTIONS', '(')
  const options: Record<string, OptionValue> = {}
  while (!c.is(')')) {
    const name = c.name().toLowerCase()
    c.expect('=')
    options[name] = optionValue(parseExpression(c))
    if (!c.take(',')) break
  }
  c.expect(')')
  return options
}

function optionValue(value: Expr): OptionValue {
  if (value.k === 'literal') {
    if (value.type === 'BOOL') return value.value === 'TRUE'
    if (value.type === 'NULL') return null
    return value.type === 'INT64' || value.type === 'FLOAT64' ? Number(value.value) : value.value
  }
  if (value.k === 'array') {
    return value.items.map((item) => {
      const pair =
        item.k === 'struct'
          ? item.fields.map((f) => (f.value.k === 'literal' ? f.value.value : ''))
          : []
      return [pair[0] ?? '', pair[1] ?? '']
    })
  }
  throw unsupported('this value of an option', value.at)
}

function drop(c: Cursor, at: number): ParsedStatement {
  const what = c.take('SNAPSHOT', 'TABLE') ? 'SNAPSHOT TABLE' : c.takeOne('TABLE', 'VIEW', 'SCHEMA')
  if (what === undefined) throw unsupported(`DROP ${c.token.text}`, at)
  const ifExists = c.take('IF', 'EXISTS')
  const name = c.tablePath()
  const isCascade = c.takeOne('CASCADE', 'RESTRICT') === 'CASCADE'
  return {
    statement: { k: 'drop', at, what, name, ifExists, isCascade },
    type: `DROP_${what.replace(' ', '_')}`,
  }
}

function alter(c: Cursor, at: number): ParsedStatement {
  const what = c.takeOne('TABLE', 'VIEW', 'SCHEMA')
  if (what !== 'TABLE') throw unsupported(`ALTER ${what ?? c.token.text}`, at)
  const ifExists = c.take('IF', 'EXISTS')
  const table = c.tablePath()
  const changes: AlterChange[] = []
  do changes.push(alterChange(c))
  while (c.take(','))
  return { statement: { k: 'alter', at, table, ifExists, changes }, type: 'ALTER_TABLE' }
}

function alterChange(c: Cursor): AlterChange {
  const { at } = c
  if (c.take('SET')) {
    return { k: 'options', options: optionList(c) }
  }
  if (c.take('ADD', 'COLUMN')) {
    const ifNotExists = c.take('IF', 'NOT', 'EXISTS')
    return { k: 'add', column: column(c), ifNotExists }
  }
  if (c.take('DROP', 'COLUMN')) {
    const ifExists = c.take('IF', 'EXISTS')
    return { k: 'drop', name: c.name(), ifExists }
  }
  if (c.take('RENAME', 'TO')) return { k: 'renameTable', to: c.name() }
  if (c.take('RENAME', 'COLUMN')) {
    const ifExists = c.take('IF', 'EXISTS')
    const name = c.name()
    c.expect('TO')
    return { k: 'rename', name, to: c.name(), ifExists }
  }
  if (c.take('ALTER', 'COLUMN')) {
    const name = c.name()
    if (c.take('DROP', 'NOT', 'NULL')) return { k: 'nullable', name }
    if (c.take('SET', 'DATA', 'TYPE')) return { k: 'type', name, type: c.type() }
  }
  throw unsupported('this change of a table', at)
}

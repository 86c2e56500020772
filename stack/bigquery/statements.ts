// Runs statements: a query gives rows, DML changes them in one transaction, DDL changes what there is.

import type { DuckDBConnection } from '@duckdb/node-api'
import { messageOf } from '../base/errors.ts'
import { catalogOf, tableName } from './catalog.ts'
import type { Place } from './catalog.ts'
import { duplicate, invalid, invalidQuery, Refused } from './refused.ts'
import { fieldOfType, typeOfField } from './schema.ts'
import type { Field } from './schema.ts'
import { coerced } from './sql/casts.ts'
import { Cursor } from './sql/cursor.ts'
import { parseExpression } from './sql/parse-expression.ts'
import { parseScript } from './sql/parse-statement.ts'
import type { ParsedStatement } from './sql/parse-statement.ts'
import { fromOf } from './sql/queries.ts'
import { emptyScope } from './sql/scope.ts'
import type { Relation, Scope, Typed } from './sql/scope.ts'
import { placed, SqlError, unsupported } from './sql/sql-error.ts'
import type {
  AlterChange,
  Assignment,
  ColumnDefinition,
  CreateTable,
  Expr,
  OptionValue,
  Statement,
} from './sql/syntax.ts'
import { Translator } from './sql/translator.ts'
import { duckType, quoteName } from './sql/types.ts'
import type { SqlType } from './sql/types.ts'
import {
  createDuckTable,
  datasetKey,
  duckName,
  ingestionColumn,
  isIngestionPartitioned,
  keyOf,
  tableKey,
} from './warehouse.ts'
import type { Table, Warehouse } from './warehouse.ts'
import { encode } from './values.ts'
import type { Cell } from './values.ts'

export interface Request {
  place: Place
  named: Map<string, Typed>
  positional: Typed[]
  isDryRun: boolean
}

export interface Outcome {
  statementType: string
  fields: Field[]
  rows: Cell[][]
  affectedRows?: number
  dmlStats?: Record<string, string>
  ddl?: { operation: string; table?: { projectId: string; datasetId: string; tableId: string } }
  tables: string[]
}

export async function runScript(
  warehouse: Warehouse,
  sql: string,
  request: Request,
): Promise<Outcome> {
  try {
    const statements = parseScript(sql)
    let outcome: Outcome | undefined
    for (const parsed of statements) outcome = await runStatement(warehouse, parsed, request)
    const last = outcome as Outcome
    return statements.length > 1 ? { ...last, statementType: 'SCRIPT' } : last
  } catch (error) {
    throw refusedOf(error, sql)
  }
}

/** What DuckDB says at run time is an error of the statement; what it does not understand is ours. */
function refusedOf(error: unknown, sql: string): unknown {
  if (error instanceof Refused) return error
  if (error instanceof SqlError) return invalidQuery(placed(error, sql))
  const message = messageOf(error)
  const own = /Could not convert string '(?:bq!)([^]*)' to INT64/.exec(message)?.[1]
  if (own !== undefined) return invalidQuery(own)
  const [, kind = ''] = /^([A-Z][A-Za-z ]+) Error: /.exec(message) ?? []
  if (kind === '') return error
  const text = message.replace(/^[A-Za-z ]+ Error: /, '').split('\n')[0] as string
  if (/^(Out of Range|Conversion|Invalid Input|Constraint)$/.test(kind)) {
    const isOverflow = kind === 'Out of Range' && /overflow/i.test(text)
    return invalidQuery(isOverflow ? `int64 overflow: ${text}` : text)
  }
  if (/must appear in the GROUP BY clause/.test(text)) {
    return invalidQuery(
      'SELECT list expression references a column which is neither grouped nor aggregated',
    )
  }
  return invalidQuery(`This statement is not supported by the embedded BigQuery (${kind}: ${text})`)
}

async function runStatement(
  warehouse: Warehouse,
  { statement, type }: ParsedStatement,
  request: Request,
): Promise<Outcome> {
  const runner = new Runner(warehouse, request)
  const outcome = await runner.run(statement)
  return {
    statementType: type,
    fields: [],
    rows: [],
    tables: [...runner.translator.tables],
    ...outcome,
  }
}

class Runner {
  readonly warehouse: Warehouse
  readonly request: Request
  readonly translator: Translator

  constructor(warehouse: Warehouse, request: Request) {
    this.warehouse = warehouse
    this.request = request
    const { named, positional, place } = request
    const translator = new Translator(catalogOf(warehouse, place), {
      named,
      positional,
      nowMs: warehouse.clock.now(),
    })
    this.translator = translator
  }

  run(statement: Statement): Promise<Partial<Outcome>> {
    switch (statement.k) {
      case 'query':
        return this.#query(statement)
      case 'insert':
        return this.#insert(statement)
      case 'update':
        return this.#update(statement)
      case 'delete':
        return this.#delete(statement)
      case 'truncate':
        return this.#change(
          this.#target(statement.table, statement.at),
          () => `DELETE FROM ${duckName(this.#target(statement.table, statement.at))}`,
          'deletedRowCount',
        )
      case 'merge':
        return this.#merge(statement)
      case 'createTable':
        return this.#createTable(statement)
      case 'createView':
        return this.#createView(statement)
      case 'createSchema':
        return this.#createSchema(statement)
      case 'drop':
        return this.#drop(statement)
      case 'alter':
        return this.#alter(statement)
    }
  }

  async #query({ query }: Statement & { k: 'query' }): Promise<Partial<Outcome>> {
    const { sql, columns } = this.translator.query(query)
    const fields = distinctNames(columns).map(({ name, type }) => fieldOfType(name, type))
    const complete = this.translator.complete(sql)
    if (this.request.isDryRun) {
      await this.warehouse.read((connection) => connection.prepare(complete))
      return { fields }
    }
    const rows = await this.warehouse.read((connection) =>
      readRows(
        connection,
        complete,
        columns.map(({ type }) => type),
      ),
    )
    return { fields, rows }
  }

  #target(path: readonly string[], at: number): Table {
    const { projectId, datasetId, tableId } = tableName(path, this.request.place, at)
    const table = this.warehouse.tableInQuery(projectId, datasetId, tableId)
    if (table.type !== 'TABLE')
      throw new SqlError(
        `${keyOf(table)} is not allowed for this operation because it is a ${table.type}`,
        at,
      )
    return table
  }

  /** The target of DML in a scope of its own, under its name or alias. */
  #relation(table: Table, alias: string | undefined, sqlName: string): Relation {
    const columns = table.fields.map((field) => ({
      name: field.name,
      type: typeOfField(field),
      sql: `${sqlName}.${quoteName(field.name)}`,
    }))
    if (isIngestionPartitioned(table)) {
      const sql = `${sqlName}.${quoteName(ingestionColumn)}`
      columns.push(
        { name: '_PARTITIONTIME', type: { name: 'TIMESTAMP' }, sql },
        { name: '_PARTITIONDATE', type: { name: 'DATE' }, sql: `CAST(${sql} AS DATE)` },
      )
    }
    return { name: alias ?? table.tableId, columns }
  }

  async #change(table: Table, sql: () => string, stat: string): Promise<Partial<Outcome>> {
    const statement = sql()
    const fields = table.fields
    if (this.request.isDryRun) return { fields }
    const count = await this.warehouse.write(async ({ connection }) =>
      changed(connection, statement),
    )
    return { affectedRows: count, dmlStats: { [stat]: String(count) } }
  }

  #insert({
    table: path,
    columns,
    query,
    rows,
    at,
  }: Statement & { k: 'insert' }): Promise<Partial<Outcome>> {
    const table = this.#target(path, at)
    const names = columns ?? table.fields.map(({ name }) => name)
    const fields = names.map((name) => fieldNamed(table, name, at))
    const source = query
      ? this.#rowsOfQuery(query, fields, at)
      : this.#rowsOfValues(rows ?? [], fields, at)
    return this.#change(
      table,
      () => this.translator.complete(this.#insertSql(table, fields, source)),
      'insertedRowCount',
    )
  }

  #insertSql(table: Table, fields: readonly Field[], source: string): string {
    const missing = table.fields.filter(
      (field) => !fields.includes(field) && field.defaultValueExpression !== undefined,
    )
    const targets = [...fields, ...missing].map(({ name }) => quoteName(name))
    const values = [
      ...fields.map((_, i) => `i.c${i}`),
      ...missing.map((field) => this.#defaultOf(field)),
    ]
    // An array is never NULL.
    for (const field of table.fields) {
      if (field.mode !== 'REPEATED' || fields.includes(field)) continue
      targets.push(quoteName(field.name))
      values.push('[]')
    }
    if (isIngestionPartitioned(table)) {
      targets.push(quoteName(ingestionColumn))
      values.push(`date_trunc('day', ${this.translator.now})`)
    }
    return `INSERT INTO ${duckName(table)} (${targets.join(', ')}) SELECT ${values.join(', ')} FROM (${source}) AS i`
  }

  #defaultOf(field: Field): string {
    if (field.defaultValueExpression === undefined)
      return `CAST(NULL AS ${duckType(typeOfField(field))})`
    const value = this.translator.expression(
      parseExpression(new Cursor(field.defaultValueExpression)),
      emptyScope(),
    )
    return coerced(value, typeOfField(field), 0)
  }

  #rowsOfQuery(
    query: Parameters<Translator['query']>[0],
    fields: readonly Field[],
    at: number,
  ): string {
    const translated = this.translator.query(query)
    if (translated.columns.length !== fields.length)
      throw new SqlError(
        `Inserted row has wrong column count; Has ${translated.columns.length}, expected ${fields.length}`,
        at,
      )
    const values = translated.columns.map(
      ({ type }, i) =>
        `${this.#assigned({ sql: `q.c${i}`, type, isLiteral: type.name === 'STRING' && query.body.k === 'select' }, fields[i] as Field, at)} AS c${i}`,
    )
    return `SELECT ${values.join(', ')} FROM (${translated.sql}) AS q`
  }

  #rowsOfValues(
    rows: readonly (Expr | 'DEFAULT')[][],
    fields: readonly Field[],
    at: number,
  ): string {
    const selects = rows.map((row) => {
      if (row.length !== fields.length)
        throw new SqlError(
          `Inserted row has wrong column count; Has ${row.length}, expected ${fields.length}`,
          at,
        )
      const values = row.map(
        (value, i) => `${this.#valueFor(value, fields[i] as Field, emptyScope(), at)} AS c${i}`,
      )
      return `SELECT ${values.join(', ')}`
    })
    return selects.join(' UNION ALL ')
  }

  #valueFor(value: Expr | 'DEFAULT', field: Field, scope: Scope, at: number): string {
    if (value === 'DEFAULT') return this.#defaultOf(field)
    return this.#assigned(this.translator.expression(value, scope), field, at)
  }

  #assigned(value: Typed, field: Field, at: number): string {
    const type = typeOfField(field)
    try {
      return coerced(value, type, at)
    } catch {
      throw new SqlError(
        `Value has type ${value.type.name} which cannot be inserted into column ${field.name}, which has type ${type.name}`,
        at,
      )
    }
  }

  #update(statement: Statement & { k: 'update' }): Promise<Partial<Outcome>> {
    const { table: path, alias, set, from, where, at } = statement
    const table = this.#target(path, at)
    const scope: Scope = { ...emptyScope(), relations: [this.#relation(table, alias, 'target')] }
    const source = from ? fromOf(this.translator, from, scope) : undefined
    const assigned = set.map((each) => this.#assignment(table, each, scope))
    const condition = coerced(this.translator.expression(where, scope), { name: 'BOOL' }, where.at)
    const sql = `UPDATE ${duckName(table)} AS target SET ${assigned.join(', ')}${source === undefined ? '' : ` FROM ${source}`} WHERE ${condition}`
    if (source !== undefined) {
      const often = mostSources(`${duckName(table)} AS target, ${source}`, condition)
      return this.#updateOnce(table, often, this.translator.complete(sql))
    }
    return this.#change(table, () => this.translator.complete(sql), 'updatedRowCount')
  }

  /** Each row may have one source at most. */
  async #updateOnce(table: Table, often: string, sql: string): Promise<Partial<Outcome>> {
    if (this.request.isDryRun) return { fields: table.fields }
    const count = await this.warehouse.write(async ({ connection }) => {
      await this.#checkOneSource(connection, often)
      return changed(connection, sql)
    })
    return { affectedRows: count, dmlStats: { updatedRowCount: String(count) } }
  }

  async #checkOneSource(connection: DuckDBConnection, often: string): Promise<void> {
    if ((await changed(connection, this.translator.complete(often))) > 1)
      throw invalidQuery('UPDATE/MERGE must match at most one source row for each target row')
  }

  #assignment(table: Table, { path, value, at }: Assignment, scope: Scope): string {
    if (path.length > 1) throw unsupported('SET of a field inside a STRUCT', at)
    const field = fieldNamed(table, path[0] as string, at)
    return `${quoteName(field.name)} = ${this.#valueFor(value, field, scope, at)}`
  }

  #delete({
    table: path,
    alias,
    where,
    at,
  }: Statement & { k: 'delete' }): Promise<Partial<Outcome>> {
    const table = this.#target(path, at)
    const scope: Scope = { ...emptyScope(), relations: [this.#relation(table, alias, 'target')] }
    const condition = coerced(this.translator.expression(where, scope), { name: 'BOOL' }, where.at)
    return this.#change(
      table,
      () => this.translator.complete(`DELETE FROM ${duckName(table)} AS target WHERE ${condition}`),
      'deletedRowCount',
    )
  }

  async #merge(statement: Statement & { k: 'merge' }): Promise<Partial<Outcome>> {
    const { table: path, alias, source, on, whens, at } = statement
    const table = this.#target(path, at)
    const target = this.#relation(table, alias, 'target')
    const translated = this.translator.query({
      at,
      isRecursive: false,
      ctes: [],
      order: [],
      body: {
        k: 'select',
        at,
        isDistinct: false,
        items: [{ k: 'star', at, except: [], replace: [] }],
        from: source,
        windows: {},
      },
    })
    const name =
      'alias' in source && source.alias !== undefined
        ? source.alias
        : source.k === 'table'
          ? source.path.at(-1)
          : undefined
    const from: Relation = {
      ...(name !== undefined && { name }),
      columns: translated.columns.map((column, i) => ({ ...column, sql: `source.c${i}` })),
    }
    const both: Scope = { ...emptyScope(), relations: [target, from] }
    const condition = (e: Expr, scope: Scope): string =>
      coerced(this.translator.expression(e, scope), { name: 'BOOL' }, e.at)
    const clauses = whens.map(({ matched, and, action }) => {
      const scope =
        matched === 'MATCHED'
          ? both
          : { ...emptyScope(), relations: matched === 'NOT MATCHED' ? [from] : [target] }
      const head = `WHEN ${matched}${and ? ` AND ${condition(and, scope)}` : ''} THEN `
      switch (action.k) {
        case 'delete':
          return `${head}DELETE`
        case 'update':
          return `${head}UPDATE SET ${action.set.map((each) => this.#assignment(table, each, scope)).join(', ')}`
        case 'insert':
        case 'insertRow': {
          const names =
            action.k === 'insert' && action.columns
              ? action.columns
              : table.fields.map((field) => field.name)
          const fields = names.map((each) => fieldNamed(table, each, at))
          const given =
            action.k === 'insert'
              ? action.values
              : fields.map((field): Expr => ({ k: 'name', at, path: [field.name] }))
          if (given.length !== fields.length)
            throw new SqlError('MERGE INSERT has a wrong number of values', at)
          const values = given.map((value, i) =>
            this.#valueFor(value, fields[i] as Field, scope, at),
          )
          return `${head}INSERT (${fields.map((field) => quoteName(field.name)).join(', ')}) VALUES (${values.join(', ')})`
        }
      }
    })
    if (isIngestionPartitioned(table))
      throw unsupported('MERGE into a table partitioned by ingestion time', at)
    const meets = condition(on, both)
    const touching = whens
      .filter(({ matched }) => matched === 'MATCHED')
      .map(({ and }) => (and ? condition(and, both) : 'TRUE'))
    const rows = `${duckName(table)} AS target, (${translated.sql}) AS source`
    const sql = `MERGE INTO ${duckName(table)} AS target USING (${translated.sql}) AS source ON ${meets} ${clauses.join(' ')}`
    if (this.request.isDryRun) return { fields: table.fields }
    const count = await this.warehouse.write(async ({ connection }) => {
      if (touching.length > 0) {
        const often = mostSources(rows, `(${meets}) AND (${touching.join(' OR ')})`)
        await this.#checkOneSource(connection, often)
      }
      return changed(connection, this.translator.complete(sql))
    })
    return { affectedRows: count }
  }

  async #createTable(statement: CreateTable): Promise<Partial<Outcome>> {
    const { mode, isTemp, at } = statement
    if (isTemp) throw unsupported('a temporary table', at)
    const name = tableName(statement.name, this.request.place, at)
    this.warehouse.dataset(name.projectId, name.datasetId)
    const key = tableKey(name.projectId, name.datasetId, name.tableId)
    const existing = this.warehouse.tables.get(key)
    if (existing && mode === 'plain') throw duplicate(`Table ${key}`)
    const source = statement.query ? this.translator.query(statement.query) : undefined
    const like = statement.like ?? statement.copyOf
    const model = like ? this.#target(like, at) : undefined
    const fields = statement.columns
      ? statement.columns.map(fieldOfColumn)
      : source
        ? source.columns.map(({ name: column, type }) => fieldOfType(column, type))
        : (model?.fields ?? [])
    if (existing && mode === 'ifNotExists')
      return { fields, ddl: { operation: 'SKIP', table: name } }
    const isAnonymous =
      source && !statement.columns && source.columns.some((column) => /^f\d+_$/.test(column.name))
    if (isAnonymous)
      throw new SqlError('CREATE TABLE columns must be named, but column 1 has no name', at)
    const nowMs = this.warehouse.clock.now()
    const base = {
      ...name,
      fields,
      createdMs: nowMs,
      modifiedMs: nowMs,
      etag: `${nowMs}`,
      settings: settingsOf(statement.options),
    }
    const table: Table = {
      ...base,
      id: 0,
      type:
        statement.copyOf && statement.k === 'createTable' && statement.options['snapshot'] === true
          ? 'SNAPSHOT'
          : 'TABLE',
      ...partitioned(statement, model),
    }
    checkPartitioning(table)
    if (this.request.isDryRun)
      return { fields, ddl: { operation: existing ? 'REPLACE' : 'CREATE', table: name } }
    await this.warehouse.write(async (write) => {
      table.id = await write.nextId()
      if (existing && existing.type !== 'VIEW')
        await write.connection.run(`DROP TABLE ${duckName(existing)}`)
      await createDuckTable(write, table)
      if (source)
        await write.connection.run(
          this.translator.complete(
            this.#insertSql(table, table.fields, this.#recast(source, table.fields, at)),
          ),
        )
      if (statement.copyOf && model)
        await write.connection.run(
          `INSERT INTO ${duckName(table)} BY NAME SELECT * FROM ${duckName(model)}`,
        )
      await write.put('table', key, table)
    })
    return { fields, ddl: { operation: existing ? 'REPLACE' : 'CREATE', table: name } }
  }

  #recast(
    source: { sql: string; columns: { type: SqlType }[] },
    fields: readonly Field[],
    at: number,
  ): string {
    if (source.columns.length !== fields.length)
      throw new SqlError('The query has another number of columns than the table', at)
    const values = source.columns.map(
      ({ type }, i) =>
        `${this.#assigned({ sql: `q.c${i}`, type }, fields[i] as Field, at)} AS c${i}`,
    )
    return `SELECT ${values.join(', ')} FROM (${source.sql}) AS q`
  }

  async #createView(statement: Statement & { k: 'createView' }): Promise<Partial<Outcome>> {
    const name = tableName(statement.name, this.request.place, statement.at)
    this.warehouse.dataset(name.projectId, name.datasetId)
    const key = tableKey(name.projectId, name.datasetId, name.tableId)
    const existing = this.warehouse.tables.get(key)
    if (
      existing &&
      (statement.mode === 'plain' || existing.type !== 'VIEW') &&
      statement.mode !== 'ifNotExists'
    )
      throw duplicate(`Table ${key}`)
    if (existing && statement.mode === 'ifNotExists')
      return { ddl: { operation: 'SKIP', table: name } }
    const view = { query: statement.text, ...(statement.columns && { columns: statement.columns }) }
    const table = makeView(this.warehouse, name, view, this.request.place)
    table.settings = settingsOf(statement.options)
    if (!this.request.isDryRun)
      await this.warehouse.write((write) => write.put('table', key, table))
    return {
      fields: table.fields,
      ddl: { operation: existing ? 'REPLACE' : 'CREATE', table: name },
    }
  }

  async #createSchema({
    name,
    mode,
    options,
  }: Statement & { k: 'createSchema' }): Promise<Partial<Outcome>> {
    const datasetId = name.at(-1) as string
    const projectId = name.length > 1 ? (name[0] as string) : this.request.place.projectId
    const key = datasetKey(projectId, datasetId)
    if (this.warehouse.datasets.has(key)) {
      if (mode === 'ifNotExists') return { ddl: { operation: 'SKIP' } }
      throw duplicate(`Dataset ${key}`)
    }
    const nowMs = this.warehouse.clock.now()
    const dataset = {
      projectId,
      datasetId,
      createdMs: nowMs,
      modifiedMs: nowMs,
      etag: `${nowMs}`,
      settings: { location: 'US', ...settingsOf(options) },
    }
    if (!this.request.isDryRun)
      await this.warehouse.write((write) => write.put('dataset', key, dataset))
    return { ddl: { operation: 'CREATE' } }
  }

  async #drop({
    what,
    name: path,
    ifExists,
    isCascade,
    at,
  }: Statement & { k: 'drop' }): Promise<Partial<Outcome>> {
    if (what === 'SCHEMA') {
      const datasetId = path.at(-1) as string
      const projectId = path.length > 1 ? (path[0] as string) : this.request.place.projectId
      if (ifExists && !this.warehouse.datasets.has(datasetKey(projectId, datasetId)))
        return { ddl: { operation: 'SKIP' } }
      if (!this.request.isDryRun) await dropDataset(this.warehouse, projectId, datasetId, isCascade)
      return { ddl: { operation: 'DROP' } }
    }
    const name = tableName(path, this.request.place, at)
    const existing = this.warehouse.tables.get(
      tableKey(name.projectId, name.datasetId, name.tableId),
    )
    if (!existing && ifExists) return { ddl: { operation: 'SKIP', table: name } }
    const table = this.warehouse.tableInQuery(name.projectId, name.datasetId, name.tableId)
    const wanted = { TABLE: 'TABLE', VIEW: 'VIEW', 'SNAPSHOT TABLE': 'SNAPSHOT' }[what]
    if (table.type !== wanted)
      throw new SqlError(
        `Cannot drop ${keyOf(table)} which has type ${table.type}. An object of that name exists but is not of type ${wanted}.`,
        at,
      )
    if (!this.request.isDryRun) await dropTable(this.warehouse, table)
    return { ddl: { operation: 'DROP', table: name } }
  }

  async #alter({
    table: path,
    changes,
    at,
    ifExists,
  }: Statement & { k: 'alter' }): Promise<Partial<Outcome>> {
    const name = tableName(path, this.request.place, at)
    const key = tableKey(name.projectId, name.datasetId, name.tableId)
    if (ifExists && !this.warehouse.tables.has(key))
      return { ddl: { operation: 'SKIP', table: name } }
    const table = structuredClone(this.#target(path, at))
    const statements = changes.flatMap((change) => alteration(table, change, at))
    table.modifiedMs = this.warehouse.clock.now()
    table.etag = `${table.modifiedMs}${changes.length}`
    if (this.request.isDryRun) return { ddl: { operation: 'ALTER', table: name } }
    await this.warehouse.write(async (write) => {
      for (const sql of statements) await write.connection.run(sql)
      if (keyOf(table) !== key) await write.remove('table', key)
      await write.put('table', keyOf(table), table)
    })
    return { ddl: { operation: 'ALTER', table: name } }
  }
}

/** A view, checked by translating it; its columns are its schema. */
export function makeView(
  warehouse: Warehouse,
  name: { projectId: string; datasetId: string; tableId: string },
  view: { query: string; columns?: string[] },
  place: Place,
): Table {
  const translator = new Translator(catalogOf(warehouse, place), {
    named: new Map(),
    positional: [],
    nowMs: warehouse.clock.now(),
  })
  let columns: { name: string; type: SqlType }[]
  try {
    columns = translator.view({ k: 'view', id: '', ...view }).translated.columns
  } catch (error) {
    throw refusedOf(error, view.query)
  }
  const nowMs = warehouse.clock.now()
  return {
    ...name,
    id: 0,
    type: 'VIEW',
    view,
    fields: columns.map((column) => fieldOfType(column.name, column.type)),
    createdMs: nowMs,
    modifiedMs: nowMs,
    etag: `${nowMs}`,
    settings: {},
  }
}

function alteration(table: Table, change: AlterChange, at: number): string[] {
  const duck = `ALTER TABLE ${duckName(table)}`
  switch (change.k) {
    case 'add': {
      const field = fieldOfColumn(change.column)
      if (table.fields.some(({ name }) => name.toLowerCase() === field.name.toLowerCase())) {
        if (change.ifNotExists) return []
        throw new SqlError(`Column already exists: ${field.name}`, at)
      }
      if (field.mode === 'REQUIRED')
        throw new SqlError(`Cannot add required column ${field.name} to an existing table`, at)
      table.fields.push(field)
      return [addColumn(table, field)]
    }
    case 'drop': {
      const i = table.fields.findIndex(
        ({ name }) => name.toLowerCase() === change.name.toLowerCase(),
      )
      if (i < 0 && change.ifExists) return []
      const { name } = fieldNamed(table, change.name, at)
      table.fields.splice(i, 1)
      return [`${duck} DROP COLUMN ${quoteName(name)}`]
    }
    case 'rename': {
      const field = fieldNamed(table, change.name, at)
      const sql = `${duck} RENAME COLUMN ${quoteName(field.name)} TO ${quoteName(change.to)}`
      field.name = change.to
      return [sql]
    }
    case 'type': {
      const field = fieldNamed(table, change.name, at)
      const widened = fieldOfType(field.name, change.type, field.mode)
      Object.assign(field, { type: widened.type })
      return [
        `${duck} ALTER COLUMN ${quoteName(field.name)} SET DATA TYPE ${duckType(typeOfField(field))}`,
      ]
    }
    case 'nullable': {
      const field = fieldNamed(table, change.name, at)
      field.mode = 'NULLABLE'
      return [`${duck} ALTER COLUMN ${quoteName(field.name)} DROP NOT NULL`]
    }
    case 'renameTable':
      table.tableId = change.to
      return []
    case 'options':
      Object.assign(table.settings, settingsOf(change.options))
      return []
  }
}

/** A name that was there before gets a number. */
function distinctNames(
  columns: readonly { name: string; type: SqlType }[],
): { name: string; type: SqlType }[] {
  const seen = new Set<string>()
  return columns.map(({ name, type }) => {
    let free = name
    for (let n = 1; seen.has(free.toLowerCase()); n++) free = `${name}_${n}`
    seen.add(free.toLowerCase())
    return { name: free, type }
  })
}

export const addColumn = (table: Table, field: Field): string =>
  `ALTER TABLE ${duckName(table)} ADD COLUMN ${quoteName(field.name)} ${duckType(typeOfField(field))}${field.mode === 'REPEATED' ? ' DEFAULT []' : ''}`

export async function dropTable(warehouse: Warehouse, table: Table): Promise<void> {
  await warehouse.write(async (write) => {
    if (table.type !== 'VIEW') await write.connection.run(`DROP TABLE ${duckName(table)}`)
    await write.remove('table', keyOf(table))
  })
}

export async function dropDataset(
  warehouse: Warehouse,
  projectId: string,
  datasetId: string,
  deleteContents: boolean,
): Promise<void> {
  warehouse.dataset(projectId, datasetId)
  const tables = warehouse.tablesOf(projectId, datasetId)
  if (tables.length > 0 && !deleteContents) {
    throw new Refused(
      400,
      'resourceInUse',
      `Dataset ${datasetKey(projectId, datasetId)} is still in use`,
    )
  }
  await warehouse.write(async (write) => {
    for (const table of tables) {
      if (table.type !== 'VIEW') await write.connection.run(`DROP TABLE ${duckName(table)}`)
      await write.remove('table', keyOf(table))
    }
    await write.remove('dataset', datasetKey(projectId, datasetId))
  })
}

function fieldNamed(table: Table, name: string, at: number): Field {
  const found = table.fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  if (!found) throw new SqlError(`Column ${name} is not present in table ${keyOf(table)}`, at)
  return found
}

function fieldOfColumn({ name, type, isRequired, defaultSql, options }: ColumnDefinition): Field {
  const field = fieldOfType(name, type, isRequired ? 'REQUIRED' : 'NULLABLE')
  if (defaultSql !== undefined) field.defaultValueExpression = defaultSql
  if (typeof options['description'] === 'string') field.description = options['description']
  return field
}

function settingsOf(options: Record<string, OptionValue>): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (name === 'description' || name === 'location') settings[name] = value
    else if (name === 'friendly_name') settings['friendlyName'] = value
    else if (name === 'require_partition_filter') settings['requirePartitionFilter'] = value
    else if (name === 'labels' && Array.isArray(value))
      settings['labels'] = Object.fromEntries(value)
    else if (
      /^(expiration_timestamp|partition_expiration_days|default_.*|max_time_travel_hours|kms_key_name)$/.test(
        name,
      )
    )
      settings[name] = value
    else throw new SqlError(`Unknown option: ${name}`)
  }
  return settings
}

function partitioned(
  statement: CreateTable,
  model: Table | undefined,
): Pick<Table, 'timePartitioning' | 'rangePartitioning' | 'clustering'> {
  const { partition, cluster } = statement
  const result: Pick<Table, 'timePartitioning' | 'rangePartitioning' | 'clustering'> = {}
  if (cluster) result.clustering = { fields: cluster }
  else if (model?.clustering) result.clustering = model.clustering
  if (!partition)
    return model
      ? {
          ...result,
          ...(model.timePartitioning && { timePartitioning: model.timePartitioning }),
          ...(model.rangePartitioning && { rangePartitioning: model.rangePartitioning }),
        }
      : result
  const { field, unit = 'DAY', range } = partition
  if (range && field !== undefined) {
    result.rangePartitioning = {
      field,
      range: { start: range[0], end: range[1], interval: range[2] },
    }
  } else {
    const isIngestion = field === undefined || /^_PARTITION(DATE|TIME)$/i.test(field)
    result.timePartitioning = { type: unit, ...(!isIngestion && { field }) }
  }
  return result
}

export function checkPartitioning({ timePartitioning, rangePartitioning, fields }: Table): void {
  const by = timePartitioning?.field ?? rangePartitioning?.field
  if (by === undefined) return
  const field = fields.find(({ name }) => name.toLowerCase() === by.toLowerCase())
  if (!field) throw invalid('The field specified for partitioning cannot be found in the schema.')
  const allowed = rangePartitioning ? ['INTEGER'] : ['DATE', 'DATETIME', 'TIMESTAMP']
  if (!allowed.includes(field.type) || field.mode === 'REPEATED')
    throw invalid(
      `The field specified for partitioning has type ${field.type}, which cannot be partitioned by`,
    )
}

/** How many sources the row of the target has that has most of them. */
const mostSources = (rows: string, condition: string): string =>
  `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM ${rows} WHERE ${condition} GROUP BY target.rowid)`

async function changed(connection: DuckDBConnection, sql: string): Promise<number> {
  const rows = (await connection.runAndReadAll(sql)).getRows()
  return Number(rows[0]?.[0] ?? 0)
}

export async function readRows(
  connection: DuckDBConnection,
  sql: string,
  types: readonly SqlType[],
): Promise<Cell[][]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRows().map((row) => row.map((value, i) => encode(value, types[i] as SqlType)))
}

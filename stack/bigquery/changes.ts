// DML: INSERT, UPDATE, DELETE, TRUNCATE and MERGE, each in one transaction.

import type { DuckDBConnection } from '@duckdb/node-api'
import { tableName } from './catalog.ts'
import { invalidQuery } from './refused.ts'
import { typeOfField } from './schema.ts'
import type { Field } from './schema.ts'
import { coerced } from './sql/casts.ts'
import { Cursor } from './sql/cursor.ts'
import { parseExpression } from './sql/parse-expression.ts'
import { fromOf } from './sql/queries.ts'
import { emptyScope } from './sql/scope.ts'
import type { Relation, Scope, Typed } from './sql/scope.ts'
import { SqlError, unsupported } from './sql/sql-error.ts'
import type { Assignment, Expr, Statement } from './sql/syntax.ts'
import type { Translator } from './sql/translator.ts'
import { duckType, quoteName } from './sql/types.ts'
import type { Outcome, Run } from './statements.ts'
import { duckName, ingestionColumn, isIngestionPartitioned, keyOf } from './warehouse.ts'
import type { Table } from './warehouse.ts'

export class Changes {
  readonly #run: Run

  constructor(run: Run) {
    this.#run = run
  }

  target(path: readonly string[], at: number): Table {
    const { projectId, datasetId, tableId } = tableName(path, this.#run.request.place, at)
    const table = this.#run.warehouse.tableInQuery(projectId, datasetId, tableId)
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
    if (this.#run.request.isDryRun) return { fields }
    const count = await this.#run.warehouse.write(async ({ connection }) =>
      changed(connection, statement),
    )
    return { affectedRows: count, dmlStats: { [stat]: String(count) } }
  }

  insert({
    table: path,
    columns,
    query,
    rows,
    at,
  }: Statement & { k: 'insert' }): Promise<Partial<Outcome>> {
    const table = this.target(path, at)
    const names = columns ?? table.fields.map(({ name }) => name)
    const fields = names.map((name) => fieldNamed(table, name, at))
    const source = query
      ? this.#rowsOfQuery(query, fields, at)
      : this.#rowsOfValues(rows ?? [], fields, at)
    return this.#change(
      table,
      () => this.#run.translator.complete(this.insertSql(table, fields, source)),
      'insertedRowCount',
    )
  }

  insertSql(table: Table, fields: readonly Field[], source: string): string {
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
      values.push(`date_trunc('day', ${this.#run.translator.now})`)
    }
    return `INSERT INTO ${duckName(table)} (${targets.join(', ')}) SELECT ${values.join(', ')} FROM (${source}) AS i`
  }

  #defaultOf(field: Field): string {
    if (field.defaultValueExpression === undefined)
      return `CAST(NULL AS ${duckType(typeOfField(field))})`
    const value = this.#run.translator.expression(
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
    const translated = this.#run.translator.query(query)
    if (translated.columns.length !== fields.length)
      throw new SqlError(
        `Inserted row has wrong column count; Has ${translated.columns.length}, expected ${fields.length}`,
        at,
      )
    const values = translated.columns.map(
      ({ type }, i) =>
        `${this.assigned({ sql: `q.c${i}`, type, isLiteral: type.name === 'STRING' && query.body.k === 'select' }, fields[i] as Field, at)} AS c${i}`,
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
    return this.assigned(this.#run.translator.expression(value, scope), field, at)
  }

  assigned(value: Typed, field: Field, at: number): string {
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

  update(statement: Statement & { k: 'update' }): Promise<Partial<Outcome>> {
    const { table: path, alias, set, from, where, at } = statement
    const table = this.target(path, at)
    const scope: Scope = { ...emptyScope(), relations: [this.#relation(table, alias, 'target')] }
    const source = from ? fromOf(this.#run.translator, from, scope) : undefined
    const assigned = set.map((each) => this.#assignment(table, each, scope))
    const condition = coerced(
      this.#run.translator.expression(where, scope),
      { name: 'BOOL' },
      where.at,
    )
    const sql = `UPDATE ${duckName(table)} AS target SET ${assigned.join(', ')}${source === undefined ? '' : ` FROM ${source}`} WHERE ${condition}`
    if (source !== undefined) {
      const often = mostSources(`${duckName(table)} AS target, ${source}`, condition)
      return this.#updateOnce(table, often, this.#run.translator.complete(sql))
    }
    return this.#change(table, () => this.#run.translator.complete(sql), 'updatedRowCount')
  }

  /** Each row may have one source at most. */
  async #updateOnce(table: Table, often: string, sql: string): Promise<Partial<Outcome>> {
    if (this.#run.request.isDryRun) return { fields: table.fields }
    const count = await this.#run.warehouse.write(async ({ connection }) => {
      await this.#checkOneSource(connection, often)
      return changed(connection, sql)
    })
    return { affectedRows: count, dmlStats: { updatedRowCount: String(count) } }
  }

  async #checkOneSource(connection: DuckDBConnection, often: string): Promise<void> {
    if ((await changed(connection, this.#run.translator.complete(often))) > 1)
      throw invalidQuery('UPDATE/MERGE must match at most one source row for each target row')
  }

  #assignment(table: Table, { path, value, at }: Assignment, scope: Scope): string {
    if (path.length > 1) throw unsupported('SET of a field inside a STRUCT', at)
    const field = fieldNamed(table, path[0] as string, at)
    return `${quoteName(field.name)} = ${this.#valueFor(value, field, scope, at)}`
  }

  delete({
    table: path,
    alias,
    where,
    at,
  }: Statement & { k: 'delete' }): Promise<Partial<Outcome>> {
    const table = this.target(path, at)
    const scope: Scope = { ...emptyScope(), relations: [this.#relation(table, alias, 'target')] }
    const condition = coerced(
      this.#run.translator.expression(where, scope),
      { name: 'BOOL' },
      where.at,
    )
    return this.#change(
      table,
      () =>
        this.#run.translator.complete(
          `DELETE FROM ${duckName(table)} AS target WHERE ${condition}`,
        ),
      'deletedRowCount',
    )
  }

  truncate({ table: path, at }: Statement & { k: 'truncate' }): Promise<Partial<Outcome>> {
    const table = this.target(path, at)
    return this.#change(table, () => `DELETE FROM ${duckName(table)}`, 'deletedRowCount')
  }

  async merge(statement: Statement & { k: 'merge' }): Promise<Partial<Outcome>> {
    const { table: path, alias, source, on, whens, at } = statement
    const table = this.target(path, at)
    const target = this.#relation(table, alias, 'target')
    const translated = this.#run.translator.query({
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
      coerced(this.#run.translator.expression(e, scope), { name: 'BOOL' }, e.at)
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
    if (this.#run.request.isDryRun) return { fields: table.fields }
    const count = await this.#run.warehouse.write(async ({ connection }) => {
      if (touching.length > 0) {
        const often = mostSources(rows, `(${meets}) AND (${touching.join(' OR ')})`)
        await this.#checkOneSource(connection, often)
      }
      return changed(connection, this.#run.translator.complete(sql))
    })
    return { affectedRows: count }
  }
}

export function fieldNamed(table: Table, name: string, at: number): Field {
  const found = table.fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  if (!found) throw new SqlError(`Column ${name} is not present in table ${keyOf(table)}`, at)
  return found
}

/** How many sources the row of the target has that has most of them. */
const mostSources = (rows: string, condition: string): string =>
  `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM ${rows} WHERE ${condition} GROUP BY target.rowid)`

async function changed(connection: DuckDBConnection, sql: string): Promise<number> {
  const rows = (await connection.runAndReadAll(sql)).getRows()
  return Number(rows[0]?.[0] ?? 0)
}

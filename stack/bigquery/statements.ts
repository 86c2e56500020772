// Runs statements: a query gives rows; DML and DDL stand in files of their own.

import type { DuckDBConnection } from '@duckdb/node-api'
import { catalogOf } from './catalog.ts'
import type { Place } from './catalog.ts'
import { Changes } from './changes.ts'
import { Definitions } from './definitions.ts'
import { fieldOfType } from './schema.ts'
import type { Field } from './schema.ts'
import { parseScript } from './sql/parse-statement.ts'
import type { ParsedStatement } from './sql/parse-statement.ts'
import type { Typed } from './sql/scope.ts'
import type { Statement } from './sql/syntax.ts'
import { Translator } from './sql/translator.ts'
import type { SqlType } from './sql/types.ts'
import { refusedOf } from './statement-error.ts'
import { encode } from './values.ts'
import type { Cell } from './values.ts'
import type { Warehouse } from './warehouse.ts'

/** What a statement runs with. */
export interface Run {
  warehouse: Warehouse
  request: Request
  translator: Translator
}

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

async function runStatement(
  warehouse: Warehouse,
  { statement, type }: ParsedStatement,
  request: Request,
): Promise<Outcome> {
  const { named, positional, place } = request
  const translator = new Translator(catalogOf(warehouse, place), {
    named,
    positional,
    nowMs: warehouse.clock.now(),
  })
  const outcome = await outcomeOf(statement, { warehouse, request, translator })
  return { statementType: type, fields: [], rows: [], tables: [...translator.tables], ...outcome }
}

function outcomeOf(statement: Statement, run: Run): Promise<Partial<Outcome>> {
  const changes = new Changes(run)
  const definitions = new Definitions(run)
  switch (statement.k) {
    case 'query':
      return rowsOf(statement, run)
    case 'insert':
      return changes.insert(statement)
    case 'update':
      return changes.update(statement)
    case 'delete':
      return changes.delete(statement)
    case 'truncate':
      return changes.truncate(statement)
    case 'merge':
      return changes.merge(statement)
    case 'createTable':
      return definitions.createTable(statement)
    case 'createView':
      return definitions.createView(statement)
    case 'createSchema':
      return definitions.createSchema(statement)
    case 'drop':
      return definitions.drop(statement)
    case 'alter':
      return definitions.alter(statement)
  }
}

async function rowsOf(
  { query }: Statement & { k: 'query' },
  { warehouse, request, translator }: Run,
): Promise<Partial<Outcome>> {
  const { sql, columns } = translator.query(query)
  const fields = distinctNames(columns).map(({ name, type }) => fieldOfType(name, type))
  const complete = translator.complete(sql)
  if (request.isDryRun) {
    await warehouse.read((connection) => connection.prepare(complete))
    return { fields }
  }
  const rows = await warehouse.read((connection) =>
    readRows(
      connection,
      complete,
      columns.map(({ type }) => type),
    ),
  )
  return { fields, rows }
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

export async function readRows(
  connection: DuckDBConnection,
  sql: string,
  types: readonly SqlType[],
): Promise<Cell[][]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRows().map((row) => row.map((value, i) => encode(value, types[i] as SqlType)))
}

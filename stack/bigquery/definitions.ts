// DDL: what there is, made, changed and dropped: tables, views, datasets.

import { Changes, fieldNamed } from './changes.ts'
import { catalogOf, tableName } from './catalog.ts'
import type { Place } from './catalog.ts'
import { duplicate, invalid, Refused } from './refused.ts'
import { fieldOfType, typeOfField } from './schema.ts'
import type { Field } from './schema.ts'
import { SqlError, unsupported } from './sql/sql-error.ts'
import type {
  AlterChange,
  ColumnDefinition,
  CreateTable,
  OptionValue,
  Statement,
} from './sql/syntax.ts'
import { Translator } from './sql/translator.ts'
import { duckType, quoteName } from './sql/types.ts'
import type { SqlType } from './sql/types.ts'
import { refusedOf } from './statement-error.ts'
import type { Outcome, Run } from './statements.ts'
import { createDuckTable, datasetKey, duckName, keyOf, tableKey } from './warehouse.ts'
import type { Table, Warehouse } from './warehouse.ts'

export class Definitions {
  readonly #run: Run
  readonly #changes: Changes

  constructor(run: Run) {
    this.#run = run
    this.#changes = new Changes(run)
  }

  async createTable(statement: CreateTable): Promise<Partial<Outcome>> {
    const { mode, isTemp, at } = statement
    if (isTemp) throw unsupported('a temporary table', at)
    const name = tableName(statement.name, this.#run.request.place, at)
    this.#run.warehouse.dataset(name.projectId, name.datasetId)
    const key = tableKey(name.projectId, name.datasetId, name.tableId)
    const existing = this.#run.warehouse.tables.get(key)
    if (existing && mode === 'plain') throw duplicate(`Table ${key}`)
    const source = statement.query ? this.#run.translator.query(statement.query) : undefined
    const like = statement.like ?? statement.copyOf
    const model = like ? this.#changes.target(like, at) : undefined
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
    const nowMs = this.#run.warehouse.clock.now()
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
    if (this.#run.request.isDryRun)
      return { fields, ddl: { operation: existing ? 'REPLACE' : 'CREATE', table: name } }
    await this.#run.warehouse.write(async (write) => {
      table.id = await write.nextId()
      if (existing && existing.type !== 'VIEW')
        await write.connection.run(`DROP TABLE ${duckName(existing)}`)
      await createDuckTable(write, table)
      if (source)
        await write.connection.run(
          this.#run.translator.complete(
            this.#changes.insertSql(table, table.fields, this.#recast(source, table.fields, at)),
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
        `${this.#changes.assigned({ sql: `q.c${i}`, type }, fields[i] as Field, at)} AS c${i}`,
    )
    return `SELECT ${values.join(', ')} FROM (${source.sql}) AS q`
  }

  async createView(statement: Statement & { k: 'createView' }): Promise<Partial<Outcome>> {
    const name = tableName(statement.name, this.#run.request.place, statement.at)
    this.#run.warehouse.dataset(name.projectId, name.datasetId)
    const key = tableKey(name.projectId, name.datasetId, name.tableId)
    const existing = this.#run.warehouse.tables.get(key)
    if (
      existing &&
      (statement.mode === 'plain' || existing.type !== 'VIEW') &&
      statement.mode !== 'ifNotExists'
    )
      throw duplicate(`Table ${key}`)
    if (existing && statement.mode === 'ifNotExists')
      return { ddl: { operation: 'SKIP', table: name } }
    const view = { query: statement.text, ...(statement.columns && { columns: statement.columns }) }
    const table = makeView(this.#run.warehouse, name, view, this.#run.request.place)
    table.settings = settingsOf(statement.options)
    if (!this.#run.request.isDryRun)
      await this.#run.warehouse.write((write) => write.put('table', key, table))
    return {
      fields: table.fields,
      ddl: { operation: existing ? 'REPLACE' : 'CREATE', table: name },
    }
  }

  async createSchema({
    name,
    mode,
    options,
  }: Statement & { k: 'createSchema' }): Promise<Partial<Outcome>> {
    const datasetId = name.at(-1) as string
    const projectId = name.length > 1 ? (name[0] as string) : this.#run.request.place.projectId
    const key = datasetKey(projectId, datasetId)
    if (this.#run.warehouse.datasets.has(key)) {
      if (mode === 'ifNotExists') return { ddl: { operation: 'SKIP' } }
      throw duplicate(`Dataset ${key}`)
    }
    const nowMs = this.#run.warehouse.clock.now()
    const dataset = {
      projectId,
      datasetId,
      createdMs: nowMs,
      modifiedMs: nowMs,
      etag: `${nowMs}`,
      settings: { location: 'US', ...settingsOf(options) },
    }
    if (!this.#run.request.isDryRun)
      await this.#run.warehouse.write((write) => write.put('dataset', key, dataset))
    return { ddl: { operation: 'CREATE' } }
  }

  async drop({
    what,
    name: path,
    ifExists,
    isCascade,
    at,
  }: Statement & { k: 'drop' }): Promise<Partial<Outcome>> {
    if (what === 'SCHEMA') {
      const datasetId = path.at(-1) as string
      const projectId = path.length > 1 ? (path[0] as string) : this.#run.request.place.projectId
      if (ifExists && !this.#run.warehouse.datasets.has(datasetKey(projectId, datasetId)))
        return { ddl: { operation: 'SKIP' } }
      if (!this.#run.request.isDryRun)
        await dropDataset(this.#run.warehouse, projectId, datasetId, isCascade)
      return { ddl: { operation: 'DROP' } }
    }
    const name = tableName(path, this.#run.request.place, at)
    const existing = this.#run.warehouse.tables.get(
      tableKey(name.projectId, name.datasetId, name.tableId),
    )
    if (!existing && ifExists) return { ddl: { operation: 'SKIP', table: name } }
    const table = this.#run.warehouse.tableInQuery(name.projectId, name.datasetId, name.tableId)
    const wanted = { TABLE: 'TABLE', VIEW: 'VIEW', 'SNAPSHOT TABLE': 'SNAPSHOT' }[what]
    if (table.type !== wanted)
      throw new SqlError(
        `Cannot drop ${keyOf(table)} which has type ${table.type}. An object of that name exists but is not of type ${wanted}.`,
        at,
      )
    if (!this.#run.request.isDryRun) await dropTable(this.#run.warehouse, table)
    return { ddl: { operation: 'DROP', table: name } }
  }

  async alter({
    table: path,
    changes,
    at,
    ifExists,
  }: Statement & { k: 'alter' }): Promise<Partial<Outcome>> {
    const name = tableName(path, this.#run.request.place, at)
    const key = tableKey(name.projectId, name.datasetId, name.tableId)
    if (ifExists && !this.#run.warehouse.tables.has(key))
      return { ddl: { operation: 'SKIP', table: name } }
    const table = structuredClone(this.#changes.target(path, at))
    const statements = changes.flatMap((change) => alteration(table, change, at))
    table.modifiedMs = this.#run.warehouse.clock.now()
    table.etag = `${table.modifiedMs}${changes.length}`
    if (this.#run.request.isDryRun) return { ddl: { operation: 'ALTER', table: name } }
    await this.#run.warehouse.write(async (write) => {
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

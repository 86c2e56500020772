// What a path in a statement stands for: a table, a view, tables by wildcard, or INFORMATION_SCHEMA, which is made up from
// what is known of the tables.

import { isoMicros } from './values.ts'
import { invalid, notFound } from './refused.ts'
import { asText, fieldTypeText, typeOfField } from './schema.ts'
import { SqlError, unsupported } from './sql/sql-error.ts'
import type { Catalog, Resolved } from './sql/translator.ts'
import { duckType, int64, quoteName, quoteText, string, timestamp } from './sql/types.ts'
import type { SqlType } from './sql/types.ts'
import { duckName, ingestionColumn, isIngestionPartitioned, keyOf } from './warehouse.ts'
import type { Table, Warehouse } from './warehouse.ts'

export interface Place {
  projectId: string
  defaultDataset?: { projectId: string; datasetId: string }
}

export function tableName(
  path: readonly string[],
  place: Place,
  at: number,
): { projectId: string; datasetId: string; tableId: string } {
  if (path.length === 3)
    return {
      projectId: path[0] as string,
      datasetId: path[1] as string,
      tableId: path[2] as string,
    }
  if (path.length === 2)
    return {
      projectId: place.defaultDataset?.projectId ?? place.projectId,
      datasetId: path[0] as string,
      tableId: path[1] as string,
    }
  if (path.length === 1 && place.defaultDataset)
    return { ...place.defaultDataset, tableId: path[0] as string }
  if (path.length === 1)
    throw new SqlError(`Table "${path[0]}" must be qualified with a dataset (e.g. dataset.table).`)
  throw new SqlError(`Invalid table name: ${path.join('.')}`, at)
}

export function catalogOf(warehouse: Warehouse, place: Place): Catalog {
  return {
    resolve(path, at) {
      const schemaAt = path.findIndex((part) => part.toUpperCase() === 'INFORMATION_SCHEMA')
      if (schemaAt >= 0)
        return informationSchema(
          warehouse,
          place,
          path.slice(0, schemaAt),
          path
            .slice(schemaAt + 1)
            .join('.')
            .toUpperCase(),
          at,
        )
      const { projectId, datasetId, tableId } = tableName(path, place, at)
      if (!/^\w+$/.test(datasetId))
        throw invalid(
          `Invalid dataset ID "${datasetId}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
        )
      if (tableId.endsWith('*'))
        return wildcard(warehouse, projectId, datasetId, tableId.slice(0, -1))
      return resolved(warehouse.tableInQuery(projectId, datasetId, tableId))
    },
  }
}

function resolved(table: Table): Resolved {
  const id = keyOf(table)
  if (table.view)
    return {
      k: 'view',
      id,
      query: table.view.query,
      ...(table.view.columns && { columns: table.view.columns }),
    }
  return {
    k: 'table',
    id,
    duckName: duckName(table),
    columns: columnsOf(table),
    ...(isIngestionPartitioned(table) && { partitionColumn: ingestionColumn }),
  }
}

const columnsOf = (
  table: Table,
): { name: string; type: SqlType; isRequired: boolean; defaultSql?: string }[] =>
  table.fields.map((field) => ({
    name: field.name,
    type: typeOfField(field),
    isRequired: field.mode === 'REQUIRED',
    ...(field.defaultValueExpression !== undefined && { defaultSql: field.defaultValueExpression }),
  }))

function wildcard(
  warehouse: Warehouse,
  projectId: string,
  datasetId: string,
  prefix: string,
): Resolved {
  const tables = warehouse
    .tablesOf(projectId, datasetId)
    .filter((table) => table.type === 'TABLE' && table.tableId.startsWith(prefix))
  if (tables.length === 0) {
    warehouse.dataset(projectId, datasetId)
    throw notFound(`${projectId}:${datasetId}.${prefix}* does not match any table.`)
  }
  return {
    k: 'wildcard',
    tables: tables.map((table) => ({
      suffix: table.tableId.slice(prefix.length),
      duckName: duckName(table),
      columns: columnsOf(table),
    })),
  }
}

type Rows = Resolved & { k: 'rows' }
const text = (value: string | undefined): string =>
  value === undefined ? 'CAST(NULL AS VARCHAR)' : quoteText(value)
const when = (ms: number): string =>
  `CAST(${quoteText(`${isoMicros(BigInt(ms) * 1000n)}Z`)} AS TIMESTAMPTZ)`

/** A row per line; each cell is DuckDB's SQL. */
function rowsOf(
  columns: readonly [name: string, type: SqlType][],
  rows: readonly string[][],
): Rows {
  const empty = `SELECT ${columns.map(([, type], i) => `CAST(NULL AS ${duckType(type)}) AS c${i}`).join(', ')} WHERE FALSE`
  const selects = rows.map(
    (row) =>
      `SELECT ${columns.map(([, type], i) => `CAST(${row[i] as string} AS ${duckType(type)}) AS c${i}`).join(', ')}`,
  )
  return {
    k: 'rows',
    sql: selects.length === 0 ? empty : selects.join(' UNION ALL '),
    columns: columns.map(([name, type]) => ({ name, type })),
  }
}

function informationSchema(
  warehouse: Warehouse,
  place: Place,
  before: readonly string[],
  view: string,
  at: number,
): Resolved {
  const region = before.at(-1)?.toLowerCase().startsWith('region-') === true
  if (view === 'SCHEMATA') {
    const projectId = region
      ? before.length > 1
        ? (before[0] as string)
        : place.projectId
      : (before[0] ?? place.projectId)
    const datasets = [...warehouse.datasets.values()].filter(
      (dataset) => dataset.projectId === projectId,
    )
    return rowsOf(
      [
        ['catalog_name', string],
        ['schema_name', string],
        ['location', string],
        ['creation_time', timestamp],
        ['last_modified_time', timestamp],
      ],
      datasets.map((d) => [
        text(d.projectId),
        text(d.datasetId),
        text(asText(d.settings['location'] ?? 'US')),
        when(d.createdMs),
        when(d.modifiedMs),
      ]),
    )
  }
  if (region || before.length === 0 || before.length > 2)
    throw unsupported(`INFORMATION_SCHEMA.${view} of a region`, at)
  const datasetId = before.at(-1) as string
  const projectId = before.length === 2 ? (before[0] as string) : place.projectId
  warehouse.dataset(projectId, datasetId)
  const tables = warehouse.tablesOf(projectId, datasetId)
  const names = (table: Table): string[] => [text(projectId), text(datasetId), text(table.tableId)]
  const ids: [string, SqlType][] = [
    ['table_catalog', string],
    ['table_schema', string],
    ['table_name', string],
  ]
  switch (view) {
    case 'TABLES':
      return rowsOf(
        [
          ...ids,
          ['table_type', string],
          ['is_insertable_into', string],
          ['is_typed', string],
          ['creation_time', timestamp],
          ['ddl', string],
        ],
        tables.map((table) => {
          const type = { TABLE: 'BASE TABLE', VIEW: 'VIEW', SNAPSHOT: 'SNAPSHOT' }[table.type]
          return [
            ...names(table),
            text(type),
            text(table.type === 'TABLE' ? 'YES' : 'NO'),
            text('NO'),
            when(table.createdMs),
            text(undefined),
          ]
        }),
      )
    case 'VIEWS':
      return rowsOf(
        [
          ...ids,
          ['view_definition', string],
          ['check_option', string],
          ['use_standard_sql', string],
        ],
        tables
          .filter((table) => table.view)
          .map((table) => [...names(table), text(table.view?.query), text(undefined), text('YES')]),
      )
    case 'COLUMNS':
      return rowsOf(
        [
          ...ids,
          ['column_name', string],
          ['ordinal_position', int64],
          ['is_nullable', string],
          ['data_type', string],
          ['is_hidden', string],
          ['is_system_defined', string],
          ['is_partitioning_column', string],
          ['clustering_ordinal_position', int64],
          ['column_default', string],
        ],
        tables.flatMap((table) =>
          table.fields.map((field, i) => {
            const by = table.timePartitioning?.field ?? table.rangePartitioning?.field
            const cluster = table.clustering?.fields.indexOf(field.name) ?? -1
            return [
              ...names(table),
              text(field.name),
              String(i + 1),
              text(field.mode === 'REQUIRED' ? 'NO' : 'YES'),
              text(fieldTypeText(field)),
              text('NO'),
              text('NO'),
              text(by === field.name ? 'YES' : 'NO'),
              cluster < 0 ? 'NULL' : String(cluster + 1),
              text(field.defaultValueExpression ?? 'NULL'),
            ]
          }),
        ),
      )
    case 'TABLE_OPTIONS':
      return rowsOf(
        [...ids, ['option_name', string], ['option_type', string], ['option_value', string]],
        tables.flatMap((table) =>
          optionRows(table).map((row) => [...names(table), ...row.map(text)]),
        ),
      )
    case 'PARTITIONS':
      return partitions(tables, names, ids)
    default:
      throw unsupported(`INFORMATION_SCHEMA.${view}`, at)
  }
}

function optionRows(table: Table): string[][] {
  const { description, friendlyName, labels, requirePartitionFilter } = table.settings as {
    description?: string
    friendlyName?: string
    labels?: Record<string, string>
    requirePartitionFilter?: boolean
  }
  const rows: string[][] = []
  if (description !== undefined) rows.push(['description', 'STRING', JSON.stringify(description)])
  if (friendlyName !== undefined)
    rows.push(['friendly_name', 'STRING', JSON.stringify(friendlyName)])
  if (labels && Object.keys(labels).length > 0) {
    const structs = Object.entries(labels).map(
      ([key, value]) => `STRUCT(${JSON.stringify(key)}, ${JSON.stringify(value)})`,
    )
    rows.push(['labels', 'ARRAY<STRUCT<STRING, STRING>>', `[${structs.join(', ')}]`])
  }
  if (requirePartitionFilter === true) rows.push(['require_partition_filter', 'BOOL', 'true'])
  return rows
}

const idFormats: Record<string, string> = {
  HOUR: '%Y%m%d%H',
  DAY: '%Y%m%d',
  MONTH: '%Y%m',
  YEAR: '%Y',
}

function partitions(
  tables: readonly Table[],
  names: (table: Table) => string[],
  ids: [string, SqlType][],
): Rows {
  const columns: [string, SqlType][] = [
    ...ids,
    ['partition_id', string],
    ['total_rows', int64],
    ['total_logical_bytes', int64],
    ['last_modified_time', timestamp],
    ['storage_tier', string],
  ]
  const selects = tables
    .filter((table) => table.type === 'TABLE')
    .map((table) => {
      const { timePartitioning, rangePartitioning } = table
      const by = timePartitioning ? (timePartitioning.field ?? ingestionColumn) : undefined
      const id =
        by !== undefined
          ? `coalesce(strftime(CAST(${quoteName(by)} AS TIMESTAMP), '${idFormats[timePartitioning?.type ?? 'DAY']}'), '__NULL__')`
          : rangePartitioning
            ? `coalesce(CAST(${quoteName(rangePartitioning.field)} - (${quoteName(rangePartitioning.field)} - ${rangePartitioning.range.start}) % ${rangePartitioning.range.interval} AS VARCHAR), '__NULL__')`
            : 'CAST(NULL AS VARCHAR)'
      const list = [...names(table), id, 'count(*)', '0', when(table.modifiedMs), text('ACTIVE')]
      const group = by !== undefined || rangePartitioning ? ' GROUP BY 1, 2, 3, 4' : ''
      return `SELECT ${list.map((item, i) => `CAST(${item} AS ${duckType((columns[i] as [string, SqlType])[1])}) AS c${i}`).join(', ')} FROM ${duckName(table)}${group}`
    })
  if (selects.length === 0) return rowsOf(columns, [])
  return {
    k: 'rows',
    sql: selects.join(' UNION ALL '),
    columns: columns.map(([name, type]) => ({ name, type })),
  }
}

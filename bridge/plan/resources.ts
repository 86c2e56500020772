// Each resource of the model as something that can be looked for, compared and created, through Google's own clients: the
// same code for stand-ins and for Google. What is there and differs is told and left as it is, since it may hold data; but
// for views of ours, which hold none and would go on telling what a former version meant.

import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { PubSubClients } from '#stack/google/pubsub.ts'
import { secondMs } from '#stack/base/units.ts'
import type { Model, TopicResource } from '../model.ts'
import type { FieldResource, TableResource, ViewResource } from '../tables/resources.ts'

export interface Resource {
  kind: 'topic' | 'dataset' | 'table' | 'view'
  name: string
  /** What is there and not as the model wants it, a phrase each; undefined: it is not there at all. */
  look(): Promise<string[] | undefined>
  create(): Promise<void>
  /** Of what holds no data: as the model wants it, unless these differences say that it is not ours; answers which. */
  renew?(differences: readonly string[]): Promise<boolean>
}

type BigQuery = BigQueryClients['client']
type Labels = Record<string, string>

const notFound = 5
const alreadyExists = 6
const noRetry = { retry: null, timeout: 30 * secondMs }

export function atPubSub(model: Model, pubsub: PubSubClients): Resource[] {
  return model.topics.map((topic) => topicOf(topic, model.labels, pubsub))
}

/** In the order in which they can be created. */
export function atBigQuery(model: Model, bigquery: BigQuery): Resource[] {
  return [
    datasetOf(model, bigquery),
    ...model.tables.map((table) => tableOf(table, model, bigquery)),
    ...model.views.map((view) => viewOf(view, model, bigquery)),
  ]
}

function topicOf(topic: TopicResource, labels: Labels, { publisher }: PubSubClients): Resource {
  const { name, retentionMs } = topic
  return {
    kind: 'topic',
    name,
    async look() {
      const found = await orUndefined(publisher.getTopic({ topic: name }, noRetry), notFound)
      if (!found) return undefined
      const [{ labels: has, messageRetentionDuration }] = found
      const hasMs = Number(messageRetentionDuration?.seconds ?? 0) * secondMs
      return [
        ...labelDifferences(has, labels),
        ...difference('retention', `${hasMs / secondMs} s`, `${retentionMs / secondMs} s`),
      ]
    },
    async create() {
      const messageRetentionDuration = { seconds: retentionMs / secondMs }
      const request = { name, labels, messageRetentionDuration }
      await orUndefined(publisher.createTopic(request, noRetry), alreadyExists)
    },
  }
}

function datasetOf({ dataset, labels }: Model, bigquery: BigQuery): Resource {
  const { id, location } = dataset
  return {
    kind: 'dataset',
    name: id,
    async look() {
      const found = await orUndefined(bigquery.dataset(id).getMetadata(), 404)
      if (!found) return undefined
      const has = found[0] as { location?: string; labels?: Labels }
      return [
        ...labelDifferences(has.labels, labels),
        ...difference('location', has.location, location),
      ]
    },
    async create() {
      await orUndefined(bigquery.createDataset(id, { location, labels }), 409)
    },
  }
}

type TableMetadata = Partial<TableResource> & { view?: { query?: string }; labels?: Labels }

async function metadataOf(
  bigquery: BigQuery,
  datasetId: string,
  tableId: string,
): Promise<TableMetadata | undefined> {
  const found = await orUndefined(bigquery.dataset(datasetId).table(tableId).getMetadata(), 404)
  return found?.[0] as TableMetadata | undefined
}

function tableOf(table: TableResource, { dataset, labels }: Model, bigquery: BigQuery): Resource {
  const { tableId, schema, timePartitioning, clustering, description } = table
  return {
    kind: 'table',
    name: `${dataset.id}.${tableId}`,
    async look() {
      const has = await metadataOf(bigquery, dataset.id, tableId)
      if (!has) return undefined
      return [
        ...labelDifferences(has.labels, labels),
        ...fieldDifferences(has.schema?.fields ?? [], schema.fields),
        ...difference('partitions', partitionText(has), partitionText(table)),
        ...difference('clusters', has.clustering?.fields.join(), clustering.fields.join()),
      ]
    },
    async create() {
      const metadata = { schema, timePartitioning, clustering, description, labels }
      await orUndefined(bigquery.dataset(dataset.id).createTable(tableId, metadata), 409)
    },
  }
}

const anotherQuery = 'its query is another one'

function viewOf(
  { tableId, query }: ViewResource,
  { dataset, labels }: Model,
  bigquery: BigQuery,
): Resource {
  return {
    kind: 'view',
    name: `${dataset.id}.${tableId}`,
    async look() {
      const has = await metadataOf(bigquery, dataset.id, tableId)
      if (!has) return undefined
      const isSame = has.view?.query === query
      return [...labelDifferences(has.labels, labels), ...(isSame ? [] : [anotherQuery])]
    },
    async renew(differences) {
      // With other labels it is somebody else's.
      if (differences.some((each) => each !== anotherQuery)) return false
      const metadata = { view: { query, useLegacySql: false } }
      await bigquery.dataset(dataset.id).table(tableId).setMetadata(metadata)
      return true
    },
    async create() {
      const metadata = { view: { query, useLegacySql: false }, labels }
      await orUndefined(bigquery.dataset(dataset.id).createTable(tableId, metadata), 409)
    },
  }
}

/** An error of this code is no failure: it is not there, or somebody else was faster. */
async function orUndefined<T>(asked: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if ((error as { code?: unknown }).code === code) return undefined
    throw error
  }
}

function labelDifferences(has: Labels | undefined | null, wanted: Labels): string[] {
  return Object.entries(wanted).flatMap(([name, value]) =>
    difference(`label ${name}`, has?.[name], value),
  )
}

/** Columns that are there and not wanted are somebody's, and stay. */
export function fieldDifferences(
  has: readonly FieldResource[],
  wanted: readonly FieldResource[],
): string[] {
  const byName = new Map(has.map((field) => [field.name.toLowerCase(), field]))
  return wanted.flatMap((field) => {
    const found = byName.get(field.name.toLowerCase())
    if (!found) return [`the column ${field.name} is missing`]
    return difference(`the column ${field.name}`, fieldText(found), fieldText(field))
  })
}

function fieldText({ type, mode, fields = [] }: FieldResource): string {
  const inner = fields.map((field) => `${field.name} ${fieldText(field)}`).join(', ')
  return `${type} ${mode ?? 'NULLABLE'}${inner === '' ? '' : ` (${inner})`}`
}

function partitionText({ timePartitioning }: Partial<TableResource>): string {
  return timePartitioning ? `${timePartitioning.type} of ${timePartitioning.field}` : 'none'
}

function difference(what: string, has: string | undefined | null, wanted: string): string[] {
  return has === wanted ? [] : [`${what}: ${has ?? 'none'} instead of ${wanted}`]
}

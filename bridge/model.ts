// What the bridge needs at Google, as data: topics, the dataset with its tables and views, and who may do what. `plan`
// compares it with what is there, `apply` makes it so. Lane A needs no subscription: who reads makes its own.

import { hourMs } from '#stack/base/units.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { BridgeRoute, TablesWay } from './options.ts'
import { tableResources, viewResources } from './tables/resources.ts'
import type { TableResource, ViewResource } from './tables/resources.ts'
import { mirroredTopics, topicAtPubSub } from './topics/mirrored-topics.ts'

export interface Model {
  projectId: string
  labels: Record<string, string>
  topics: TopicResource[]
  dataset: { id: string; location: string }
  tables: readonly TableResource[]
  views: readonly ViewResource[]
  permissions: Permission[]
}

export interface TopicResource {
  /** Full. */
  name: string
  retentionMs: number
}

/** The least that whoever runs it needs. */
export interface Permission {
  who: 'bridge' | 'dashboard' | 'setup'
  role: string
  on: string
}

/** Cloud Live reads events 65 minutes back, and what has a state by key (sessions, carts) a day further. */
const retentionMs = { events: 2 * hourMs, keyed: 27 * hourMs }

export function modelOf(
  { name, target, dataset, location }: BridgeRoute,
  tablesBy: TablesWay = 'write-api',
): Model {
  const { projectId } = target
  const topics = mirroredTopics.map((topic) => ({
    name: topicAtPubSub(projectId, topic.name),
    retentionMs: topic.cleanup === 'delete' ? retentionMs.events : retentionMs.keyed,
  }))
  return {
    projectId,
    labels: { 'managed-by': 'slipway', bridge: name },
    topics,
    dataset: { id: dataset, location },
    tables: tableResources,
    views: viewResources(defaultSettings, dataset),
    permissions: permissionsOf(projectId, { datasetId: dataset, topics, tablesBy }),
  }
}

/** Who loads lists the jobs that run, too. */
const jobRoles: Record<TablesWay, string> = {
  'write-api': 'roles/bigquery.jobUser',
  load: 'roles/bigquery.user',
}

function permissionsOf(
  projectId: string,
  {
    datasetId,
    topics,
    tablesBy,
  }: { datasetId: string; topics: readonly TopicResource[]; tablesBy: TablesWay },
): Permission[] {
  const project = `projects/${projectId}`
  const dataset = `${project}/datasets/${datasetId}`
  return [
    ...topics.map(({ name }): Permission => ({
      who: 'bridge',
      role: 'roles/pubsub.publisher',
      on: name,
    })),
    { who: 'bridge', role: 'roles/bigquery.dataEditor', on: dataset },
    { who: 'bridge', role: jobRoles[tablesBy], on: project },
    { who: 'dashboard', role: 'roles/pubsub.editor', on: project },
    { who: 'dashboard', role: 'roles/bigquery.dataViewer', on: dataset },
    { who: 'dashboard', role: 'roles/bigquery.jobUser', on: project },
    { who: 'setup', role: 'roles/pubsub.editor', on: project },
    { who: 'setup', role: 'roles/bigquery.dataOwner', on: project },
  ]
}

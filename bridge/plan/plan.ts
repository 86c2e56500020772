// What there is and what is to be made: `plan` looks, `apply` looks, creates, and renews views of ours. Both may run at any
// time and beside one another.

import { connectBigQuery } from '#stack/google/bigquery.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'
import type { GoogleTarget } from '#stack/google/target.ts'
import type { Model } from '../model.ts'
import type { LaneName } from '../options.ts'
import { atBigQuery, atPubSub } from './resources.ts'
import type { Resource } from './resources.ts'

export interface PlannedResource {
  kind: Resource['kind']
  name: string
  state: 'missing' | 'there' | 'differs' | 'created' | 'renewed'
  differences: string[]
}

export interface PlanOptions {
  model: Model
  target: GoogleTarget
  /** Only what these need. */
  lanes: readonly LaneName[]
}

export function plan(options: PlanOptions): Promise<PlannedResource[]> {
  return eachOf(options, lookAt)
}

export function apply(options: PlanOptions): Promise<PlannedResource[]> {
  return eachOf(options, async (resource) => {
    const found = await lookAt(resource)
    if (found.state === 'missing') {
      await resource.create()
      return { ...found, state: 'created' }
    }
    const isRenewed = found.state === 'differs' && (await resource.renew?.(found.differences))
    return isRenewed === true ? { ...found, state: 'renewed' } : found
  })
}

type Work = (resource: Resource) => Promise<PlannedResource>

async function eachOf(options: PlanOptions, work: Work): Promise<PlannedResource[]> {
  const { lanes } = options
  const topics = lanes.includes('topics') ? await ofTopics(options, work) : []
  const tables = lanes.includes('tables') ? await ofTables(options, work) : []
  return [...topics, ...tables]
}

async function ofTopics({ model, target }: PlanOptions, work: Work): Promise<PlannedResource[]> {
  const clients = await connectPubSub(target)
  try {
    return await inTurn(atPubSub(model, clients), work)
  } finally {
    await clients.close()
  }
}

async function ofTables({ model, target }: PlanOptions, work: Work): Promise<PlannedResource[]> {
  const { client, close } = await connectBigQuery(target)
  try {
    return await inTurn(atBigQuery(model, client), work)
  } finally {
    await close()
  }
}

/** A table needs its dataset, a view its tables. */
async function inTurn(resources: readonly Resource[], work: Work): Promise<PlannedResource[]> {
  const planned: PlannedResource[] = []
  for (const resource of resources) planned.push(await work(resource))
  return planned
}

async function lookAt(resource: Resource): Promise<PlannedResource> {
  const { kind, name } = resource
  const differences = await resource.look()
  if (!differences) return { kind, name, state: 'missing', differences: [] }
  return { kind, name, state: differences.length > 0 ? 'differs' : 'there', differences }
}

// The commands of `slipway bridge` that end: plan, apply, status, retry-errors. Results on stdout, with --json one object
// a line; talk on stderr.

import { systemClock } from '#stack/base/clock.ts'
import { exitCodes, messageOf, OperatingError } from '#stack/base/errors.ts'
import { portOffsetOption } from '#stack/base/common-options.ts'
import type { OptionTable, OptionValues } from '#stack/base/options.ts'
import { formatBytes } from '#stack/base/units.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { BridgeStatus } from './health.ts'
import { modelOf } from './model.ts'
import type { Permission } from './model.ts'
import { laneNames, localAddress, routeOf, routeOptions, runOptions } from './options.ts'
import type { BridgeRoute, Ordering, TablesWay } from './options.ts'
import type { Volume, Ways } from './plan/estimate.ts'
import type { PlannedResource } from './plan/plan.ts'

const shared = {
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway',
    help: 'of the running stack; only its ports matter here',
  },
  json: { type: 'flag', help: 'one JSON object a line' },
} as const satisfies OptionTable

const applyOptions = { ...routeOptions, ...shared } as const
const { ordering, tablesBy } = runOptions
const planOptions = { ...applyOptions, ordering, tablesBy } as const
const statusOptions = {
  ...portOffsetOption,
  bridge: { type: 'string', value: 'URL', help: 'where the bridge answers, if elsewhere' },
  ...shared,
} as const satisfies OptionTable
const retryOptions = {
  ...applyOptions,
  ordering,
  dryRun: { type: 'flag', help: 'only say what there is' },
} as const

export interface Command<T extends OptionTable = OptionTable> {
  help: string
  options: T
  run(options: OptionValues<T>, env: NodeJS.ProcessEnv): Promise<number>
}

const command = <T extends OptionTable>(given: Command<T>): Command<T> => given

export const commands = {
  plan: command({
    help: 'what would be created, what is there, what differs, and what it would cost',
    options: planOptions,
    run: runPlan,
  }),
  apply: command({
    help: 'creates what is missing, and renews views of an earlier version',
    options: applyOptions,
    run: runApply,
  }),
  status: command({ help: 'how far a running bridge is', options: statusOptions, run: runStatus }),
  verify: command({
    help: 'whether BigQuery holds what history holds: rows, checksums, figures; exit code 4 if not',
    options: applyOptions,
    run: runVerify,
  }),
  'retry-errors': command({
    help: 'sends once more what could not be delivered',
    options: retryOptions,
    run: runRetry,
  }),
}

async function runPlan(
  options: OptionValues<typeof planOptions>,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const route = routeOf(options, env)
  // The option table lists exactly these.
  const ways = { ordering: options.ordering as Ordering, tablesBy: options.tablesBy as TablesWay }
  const model = modelOf(route, ways.tablesBy)
  const { plan } = await import('./plan/plan.ts')
  const resources = await plan({ model, target: route.target, lanes: laneNames })
  printResources(resources, options.json)
  printPermissions(model.permissions, options.json)
  await printCosts(route, ways, options.json)
  return exitCodes.done
}

async function runApply(
  options: OptionValues<typeof applyOptions>,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const route = routeOf(options, env)
  const { apply } = await import('./plan/plan.ts')
  const { target } = route
  printResources(await apply({ model: modelOf(route), target, lanes: laneNames }), options.json)
  return exitCodes.done
}

async function runStatus(options: OptionValues<typeof statusOptions>): Promise<number> {
  const url = options.bridge ?? `http://${localAddress(options, 'bridgeControl')}`
  const status = await askStatus(url)
  if (options.json) {
    result(JSON.stringify(status))
    return exitCodes.done
  }
  result(`${status.state}: ${status.detail}`)
  result(`${status.lagRecords} to go, ${status.openErrors} in the error lane`)
  for (const { lane, streams } of status.lanes) {
    for (const { stream, state, position, targetPosition, lagRecords, counts } of streams) {
      const far = `${position ?? '?'} of ${targetPosition ?? '?'}, ${lagRecords} to go`
      const { sent, retries, errors, dedupHits } = counts
      const counted = `${sent} sent, ${retries} retries, ${dedupHits} there already, ${errors} errors`
      result(`  ${lane.padEnd(6)} ${stream.padEnd(26)} ${state.padEnd(9)} ${far}; ${counted}`)
    }
  }
  return exitCodes.done
}

async function runVerify(
  options: OptionValues<typeof applyOptions>,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const route = routeOf(options, env)
  const { verify } = await import('./verify/verify.ts')
  const { reportLines } = await import('./verify/report.ts')
  const onProgress = (what: string): void =>
    void process.stderr.write(options.json ? '' : `${what}\n`)
  const answer = await verify({ ...route, clock: systemClock, onProgress })
  if (options.json) result(JSON.stringify(answer))
  else for (const line of reportLines(answer)) result(line)
  return answer.isEqual ? exitCodes.done : exitCodes.checkSaidNo
}

async function runRetry(
  options: OptionValues<typeof retryOptions>,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const route = routeOf(options, env)
  const { connectPubSub } = await import('#stack/google/pubsub.ts')
  const { ErrorLane } = await import('./errors.ts')
  const { retryRecord } = await import('./topics/retry.ts')
  const kafka = connectKafka({ brokers: route.brokers, clientId: 'slipway-bridge-retry' })
  const errors = await ErrorLane.open(kafka)
  const clients = await connectPubSub(route.target)
  let failed = 0
  try {
    for (const entry of errors.openEntries()) {
      if (options.dryRun || entry.lane !== 'topics') {
        const { lane, position, reason } = entry
        report({ lane, position, state: 'open', reason }, options.json)
        continue
      }
      const ordering = options.ordering as Ordering
      const reason = await retryRecord(entry, { kafka, clients, ordering })
      const { lane, position } = entry
      if (reason === undefined) await errors.deliver(entry, systemClock.now())
      else failed++
      const state = reason === undefined ? 'delivered' : 'refused'
      report({ lane, position, state, ...(reason !== undefined && { reason }) }, options.json)
    }
  } finally {
    await clients.close()
    await errors.close()
  }
  return failed > 0 ? exitCodes.failed : exitCodes.done
}

async function askStatus(url: string): Promise<BridgeStatus> {
  try {
    const response = await fetch(`${url}/status`)
    return (await response.json()) as BridgeStatus
  } catch (error) {
    throw new OperatingError(`the bridge does not answer: ${messageOf(error)}`, {
      where: url,
      hint: '`slipway start` starts it, unless --cloud is off; or name it with --bridge',
      cause: error,
    })
  }
}

function printResources(resources: readonly PlannedResource[], isJson: boolean): void {
  for (const resource of resources) {
    const { kind, name, state, differences } = resource
    if (isJson) result(JSON.stringify(resource))
    else {
      result(`${state.padEnd(8)} ${kind.padEnd(8)} ${name}`)
      for (const each of differences) result(`           ${each}`)
    }
  }
}

function printPermissions(permissions: readonly Permission[], isJson: boolean): void {
  for (const permission of permissions) {
    const { who, role, on } = permission
    result(
      isJson
        ? JSON.stringify({ kind: 'permission', ...permission })
        : `needs    ${who.padEnd(9)} ${role} on ${on}`,
    )
  }
}

async function printCosts({ brokers }: BridgeRoute, ways: Ways, isJson: boolean): Promise<void> {
  const { estimate, pricesAsOf } = await import('./plan/estimate.ts')
  const { volumesOf } = await import('./plan/volume.ts')
  const kafka = connectKafka({ brokers, clientId: 'slipway-bridge-plan' })
  let volumes: Volume[]
  try {
    volumes = await volumesOf(kafka, ways.ordering, systemClock.now())
  } catch (error) {
    const what = `what it would cost cannot be said, the topics cannot be read: ${messageOf(error)}`
    process.stderr.write(`${what}\n`)
    return
  }
  const lines = estimate(volumes, ways)
  if (isJson) {
    for (const volume of volumes) result(JSON.stringify({ kind: 'volume', ...volume }))
    for (const line of lines) result(JSON.stringify({ kind: 'cost', asOf: pricesAsOf, ...line }))
    return
  }
  for (const { topic, messagesPerDay, bytesPerDay } of volumes)
    result(`a day    ${topic.padEnd(22)} ${messagesPerDay} messages, ${formatBytes(bytesPerDay)}`)
  for (const { what, gibPerMonth, usdPerMonth, note } of lines) {
    result(
      `a month  ${what.padEnd(26)} ${gibPerMonth.toFixed(2)} GiB, about $${usdPerMonth.toFixed(2)} (${note})`,
    )
  }
  result(`         estimates, by list prices of ${pricesAsOf}`)
}

interface Retried {
  lane: string
  position: string
  state: 'open' | 'delivered' | 'refused'
  reason?: string
}

function report(entry: Retried, isJson: boolean): void {
  const { lane, position, state, reason } = entry
  const why = reason === undefined ? '' : `: ${reason}`
  result(isJson ? JSON.stringify(entry) : `${state} ${lane} ${position}${why}`)
}

function result(line: string): void {
  process.stdout.write(`${line}\n`)
}

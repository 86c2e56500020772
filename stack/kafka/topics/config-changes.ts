// The two ways to change a topic's settings: a whole new list (AlterConfigs, CreateTopics), or single operations
// (IncrementalAlterConfigs). Both give the new values or the protocol's refusal.

import { errorCodes } from '../protocol/errors.ts'
import { configFault, effectiveConfig, listOf, topicConfigs } from './topic-configs.ts'
import type { ConfigValues } from './topic-configs.ts'

export interface ConfigSetting {
  name: string
  /** Null where a client means the default. */
  value: string | null
}

export interface ConfigChange extends ConfigSetting {
  operation: number
}

interface Refusal {
  errorCode: number
  errorMessage: string
}

const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export function configsOf(settings: readonly ConfigSetting[]): ConfigValues | Refusal {
  const configs = new Map<string, string>()
  for (const { name, value } of settings) {
    if (configs.has(name)) return invalidRequest(`${name} is named twice`)
    if (value === null) {
      if (!topicConfigs[name]) return invalidConfig(`Unknown topic config name: ${name}`)
      continue
    }
    const fault = configFault(name, value)
    if (fault !== undefined) return invalidConfig(fault)
    configs.set(name, value.trim())
  }
  return configs
}

export function applyConfigChanges(
  before: ConfigValues,
  changes: readonly ConfigChange[],
  broker: ConfigValues,
): ConfigValues | Refusal {
  const configs = new Map(before)
  const seen = new Set<string>()
  for (const change of changes) {
    if (seen.has(change.name)) return invalidRequest(`${change.name} is named twice`)
    seen.add(change.name)
    const refusal = applyChange(configs, change, broker)
    if (refusal) return refusal
  }
  return configs
}

function applyChange(
  configs: Map<string, string>,
  { name, operation, value }: ConfigChange,
  broker: ConfigValues,
): Refusal | undefined {
  const definition = topicConfigs[name]
  if (!definition) return invalidConfig(`Unknown topic config name: ${name}`)
  if (operation === operations.delete) {
    configs.delete(name)
    return undefined
  }
  if (value === null) return invalidRequest(`${name} has no value`)
  const isOnList = operation === operations.append || operation === operations.subtract
  if (isOnList && definition.type !== 'list') return invalidConfig(`${name} is not a list`)
  if (!isOnList && operation !== operations.set) return invalidRequest(`operation ${operation}`)
  const next = isOnList
    ? changedList(effectiveConfig(name, configs, broker).value, value, operation)
    : value.trim()
  const fault = configFault(name, next)
  if (fault !== undefined) return invalidConfig(fault)
  configs.set(name, next)
  return undefined
}

function changedList(before: string, value: string, operation: number): string {
  const named = listOf(value)
  const kept = listOf(before).filter((part) => !named.includes(part))
  const isAppend = operation === operations.append
  const fresh = named.filter((part) => !listOf(before).includes(part))
  return (isAppend ? [...listOf(before), ...fresh] : kept).join(',')
}

function invalidConfig(errorMessage: string): Refusal {
  return { errorCode: errorCodes.INVALID_CONFIG, errorMessage }
}

function invalidRequest(errorMessage: string): Refusal {
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage }
}

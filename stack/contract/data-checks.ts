// What an event of each name must have in `data` (events.md 1.3), and what its items must be.

import { limits, nameRules } from './event-fields.ts'
import type { EventName } from './events.ts'
import { checkFields, dataArea, dataTable, isObject, itemArea, itemTable } from './field-checks.ts'
import type { Check } from './field-checks.ts'
import { Findings, steps } from './findings.ts'
import type { RawObject } from './upcast.ts'

export function checkData(data: RawObject, name: EventName, findings: Findings): void {
  checkFields(data, dataTable, dataArea, 'data.', findings)
  if (Array.isArray(data['items'])) checkItems(data['items'], name, findings)
  const rule = nameRules[name]
  const itemCount = Array.isArray(data['items']) ? data['items'].length : undefined
  const missing = (key: string): void => {
    if (data[key] !== undefined) return
    findings.add(steps.required, 'missing_field', `data.${key}`, `is needed in ${name}`)
  }
  const needsItems = rule.items ?? (rule.itemsUnless && data[rule.itemsUnless] === undefined)
  if (needsItems && itemCount === 0) {
    findings.add(steps.required, 'missing_field', 'data.items', `must not be empty in ${name}`)
  } else if (needsItems || rule.snapshot) missing('items')
  for (const key of rule.fields ?? noFields) missing(key)
  if (rule.orderId && data['orderId'] === undefined) {
    findings.add(steps.orderId, 'missing_order_id', 'data.orderId', `is needed in ${name}`)
  }
  const needsCurrency =
    rule.currency ?? (rule.currencyWith && data[rule.currencyWith] !== undefined)
  if (needsCurrency && data['currency'] === undefined) {
    findings.add(steps.currency, 'bad_currency', 'data.currency', `is needed in ${name}`)
  }
}

const noFields: readonly string[] = []

function checkItems(items: unknown[], name: EventName, findings: Findings): void {
  if (items.length > limits.items) {
    findings.add(steps.itemCount, 'too_many_items', 'data.items', `may have ${limits.items} lines`)
    return
  }
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (isObject(item)) checkItem(item, `data.items[${i}].`, name, findings)
    else findings.add(steps.itemField, 'bad_field', `data.items[${i}]`, 'must be an object')
  }
}

function checkItem(item: RawObject, path: string, name: EventName, findings: Findings): void {
  checkFields(item, itemTable, itemArea, path, findings)
  if ((item['productId'] ?? '') === '') {
    findings.add(steps.itemField, 'missing_field', `${path}productId`, 'is needed in every item')
  }
  if (item['quantity'] === undefined && name !== 'remove_from_cart') item['quantity'] = 1
  const { unitPriceMinor, discountMinor } = item
  if ((discountMinor as number) > (unitPriceMinor as number)) {
    findings.add(steps.itemMoney, 'bad_money', `${path}discountMinor`, 'exceeds the unit price')
  }
}

/**
 * A custom event may hold anything; yet whoever reads `data` trusts the types of the fields it knows. So a field of a
 * known name and another shape lives in `extra`.
 */
export function moveMisfits(event: RawObject, data: RawObject): void {
  for (const key in data) {
    const check = dataTable[key]
    if (check === undefined || data[key] === null || fits(key, data[key], check)) continue
    event['extra'] ??= {}
    if (!isObject(event['extra'])) return
    event['extra'][key] = data[key]
    delete data[key]
  }
}

function fits(key: string, value: unknown, check: Check): boolean {
  if (check.test(value) !== undefined) return false
  if (key !== 'items') return true
  const findings = new Findings(false)
  checkItems(value as unknown[], 'custom', findings)
  return findings.first === undefined
}

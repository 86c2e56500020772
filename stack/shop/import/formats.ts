// Which reader a file needs: told, or seen from its first bytes.

import { open } from 'node:fs/promises'
import { OperatingError } from '#stack/base/errors.ts'
import { isPlainObject, parseJson } from '../collector/json.ts'
import { readCanonical } from './canonical.ts'
import type { Reader } from './entry.ts'
import { readGa4Export } from './ga4-export.ts'
import { readLines } from './lines.ts'
import { readOnlineRetail } from './online-retail.ts'
import { readOtto } from './otto.ts'
import { readSnowplowEnriched } from './snowplow-enriched.ts'

export const formats = ['canonical', 'ga4', 'snowplow', 'otto', 'online-retail'] as const
export type Format = (typeof formats)[number]

export const readers: Readonly<Record<Format, Reader>> = {
  canonical: readCanonical,
  ga4: readGa4Export,
  snowplow: readSnowplowEnriched,
  otto: readOtto,
  'online-retail': readOnlineRetail,
}

/** Fields that give a line away, in the order they are tried. */
const marks: readonly [Format, readonly string[]][] = [
  ['otto', ['session', 'events']],
  ['ga4', ['event_timestamp', 'event_name']],
  ['snowplow', ['collector_tstamp', 'event_id']],
  ['canonical', ['name', 'eventTime']],
]

export async function detectFormat(path: string): Promise<Format> {
  if (await isParquet(path)) return 'online-retail'
  const first = await firstObject(path)
  const found = marks.find(([, keys]) => keys.every((key) => first !== undefined && key in first))
  if (found) return found[0]
  throw new OperatingError('what this file holds cannot be seen from its first line', {
    where: path,
    hint: `say it with --format ${formats.join('|')}`,
  })
}

async function isParquet(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return bytesRead === 4 && buffer.toString('latin1') === 'PAR1'
  } finally {
    await file.close()
  }
}

async function firstObject(path: string): Promise<object | undefined> {
  for await (const [line] of readLines(path)) {
    try {
      const value = parseJson(line?.bytes.toString('utf8') ?? '')
      return isPlainObject(value) ? value : undefined
    } catch {
      return undefined
    }
  }
  return undefined
}

// Files → `ecommerce-events`, as one load (T2): read and put in the order of receipt first, then written with the
// load's id on every record and one record per partition that closes it. Stopped in the middle, by a signal, a crash
// or a broker that is away, the same command goes on where it was; what was on its way is sent twice and dropped by
// its id.

import { join } from 'node:path'
import type { Clock } from '#stack/base/clock.ts'
import { OperatingError } from '#stack/base/errors.ts'
import { lockDirectory } from '#stack/base/files.ts'
import { dayMs, hourMs, isoTime } from '#stack/base/units.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topics, topicSpecs } from '#stack/contract/topics.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import { Tally } from './entry.ts'
import type { Entry } from './entry.ts'
import { detectFormat, readers } from './formats.ts'
import type { Format } from './formats.ts'
import { importKey, StateFile } from './import-state.ts'
import type { ImportState } from './import-state.ts'
import { payloadOf } from './payload.ts'
import { SortedRuns } from './sorted-runs.ts'
import type { Sortable } from './sorted-runs.ts'
import { writeImport } from './write-import.ts'

export interface ImportOptions {
  files: readonly string[]
  kafka: KafkaPort
  /** Of topics that do not exist yet. */
  partitions: number
  /** Where the state and the sorted runs are kept. */
  dir: string
  clock: Clock
  /** Seen from the first line unless told. */
  format?: Format
  /** Event time passes this many times as fast as real time; full speed without. */
  speed?: number
  /** Shifts every time so that the last event is received now. */
  rebase?: boolean
  defaultCurrency?: string
  onProgress?(what: 'reading' | 'writing', done: number, total: number): void
  onWarning?(text: string): void
  signal?: AbortSignal
}

export interface ImportResult {
  isDone: boolean
  loadId: string
  /** Records written by this run and by earlier ones of the same import. */
  written: number
  tally: Tally
  /** Of receipt, after the shift; null for files without events. */
  firstAt: string | null
  lastAt: string | null
}

export async function importFiles(options: ImportOptions): Promise<ImportResult> {
  const lock = lockDirectory(options.dir, 'slipway import')
  try {
    const key = importKey(options.files, options.rebase ?? false)
    const file = new StateFile(options.dir, key)
    await using runs = new SortedRuns(join(options.dir, 'runs'))
    const { tally, firstMs, lastMs } = await readAll(options, runs)
    const earlier = file.read()
    const state = earlier ?? newState(options, key, lastMs)
    await prepare(options, state, { firstMs, lastMs })
    const isDone = await writeImport({ ...options, runs, state, save: () => file.write(state) })
    if (isDone) file.remove()
    const at = (ms: number) => (runs.count === 0 ? null : isoTime(ms + state.shiftMs))
    const { loadId, sentRecords: written } = state
    return { isDone, loadId, written, tally, firstAt: at(firstMs), lastAt: at(lastMs) }
  } finally {
    lock.release()
  }
}

interface Extent {
  firstMs: number
  lastMs: number
}

async function readAll(
  options: ImportOptions,
  runs: SortedRuns,
): Promise<Extent & { tally: Tally }> {
  const tally = new Tally()
  const extent = { firstMs: Infinity, lastMs: -Infinity }
  const nowMs = options.clock.now()
  for (const [index, path] of options.files.entries()) {
    options.onProgress?.('reading', index, options.files.length)
    const read = readers[options.format ?? (await detectFormat(path))]
    const defaultCurrency = options.defaultCurrency ?? defaultSettings.defaultCurrency
    for await (const entries of read({ path, defaultCurrency, nowMs, tally })) {
      if (options.signal?.aborted) return { ...extent, tally }
      for (const entry of entries) {
        tally.count(entry)
        if ('event' in entry.outcome) widen(extent, entry.receivedMs)
        await runs.add(sortable(entry, extent))
      }
    }
  }
  options.onProgress?.('reading', options.files.length, options.files.length)
  return { ...extent, tally }
}

function widen(extent: Extent, ms: number): void {
  extent.firstMs = Math.min(extent.firstMs, ms)
  extent.lastMs = Math.max(extent.lastMs, ms)
}

/** What was refused has no time to go by; it goes behind what stood before it. */
function sortable(entry: Entry, { lastMs }: Extent): Sortable {
  const isEvent = 'event' in entry.outcome
  const receivedMs = isEvent ? entry.receivedMs : Math.max(0, lastMs)
  return { receivedMs, payload: payloadOf(entry) }
}

function newState(options: ImportOptions, key: string, lastMs: number): ImportState {
  const nowMs = options.clock.now()
  const isShifted = options.rebase === true && lastMs !== -Infinity
  return {
    version: 1,
    loadId: `import-${key.slice(0, 12)}-${nowMs}`,
    shiftMs: isShifted ? nowMs - lastMs : 0,
    sentRecords: 0,
  }
}

/** Makes sure of the topics, and that the stack has not closed the days that are to be imported. */
async function prepare(options: ImportOptions, state: ImportState, extent: Extent): Promise<void> {
  const admin = await options.kafka.admin()
  try {
    await admin.ensureTopics(topicSpecs(options.partitions))
    if (state.sentRecords > 0 || extent.firstMs === Infinity) return
    const [starts, ends] = await Promise.all([
      admin.startOffsets(topics.events.name),
      admin.endOffsets(topics.events.name),
    ])
    const isEmpty = ends.every((end, partition) => end === starts[partition])
    if (!isEmpty) judgeAge(options, state, extent)
  } finally {
    await admin.close()
  }
}

/** A log that holds anything has a watermark near now, since silence lets it follow the clock (T2). */
function judgeAge(options: ImportOptions, { shiftMs }: ImportState, { firstMs }: Extent): void {
  const firstShiftedMs = firstMs + shiftMs
  const closedMs = options.clock.now() - defaultSettings.allowedLatenessMs
  if (firstShiftedMs >= closedMs) return
  const days = Math.ceil((closedMs - firstShiftedMs) / dayMs)
  if (options.rebase) {
    options.onWarning?.(
      `the running stack has already closed the first ${days} days of these events: their sessions and carts ` +
        'may come out in pieces. A fresh --data folder gives exact figures',
    )
    return
  }
  throw new OperatingError(
    `these events begin ${isoTime(firstMs)}, which the running stack has already closed`,
    {
      where: options.files.join(', '),
      hint:
        'start the stack with a fresh --data folder and --no-demo, or import with --rebase, which shifts the ' +
        `events so that they end now (what lies more than ${defaultSettings.allowedLatenessMs / hourMs} h back is closed)`,
    },
  )
}

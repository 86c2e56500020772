// The error lane: what could not be delivered goes to the topic `bridge-errors`, once, with the reason; history keeps it
// as the table `bridge_errors`. The last entry of a key says how it stands, so the topic read to its end is all that
// is known: no file is kept beside it.

import { OperatingError } from '#stack/base/errors.ts'
import { isoTime } from '#stack/base/units.ts'
import { topics } from '#stack/contract/topics.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import type { IncomingRecord } from '#stack/kafka-client/records.ts'
import type { LaneName } from './options.ts'

/** A record, or a row, that is not in its target; as JSON the value of a record of `bridge-errors`. */
export interface BridgeError {
  lane: LaneName
  /** Where it lies at the source: `user-sessions-2@5512`, `carts_log@90210`. Unique within its lane. */
  position: string
  /** Full name of the topic or table that does not have it. */
  target: string
  /** `INVALID_ARGUMENT`, `TOO_LARGE`, …; `deliveredCode` where a later try succeeded. */
  code: string
  /** One sentence. */
  reason: string
  attempts: number
  /** RFC 3339. */
  firstAt: string
  lastAt: string
  /** The beginning of its content, for people; the whole of it lies at the source. */
  payload: string | null
}

/** Of an entry that takes an earlier one back: the record has arrived after all. */
export const deliveredCode = 'DELIVERED'

const payloadCharactersMax = 16_384
/** More open entries than that are still written, and may be written twice. */
const rememberedMax = 20_000

export class ErrorLane {
  readonly #producer: KafkaProducer
  /** What is not delivered to this day, by key. */
  readonly #open: Map<string, BridgeError>

  private constructor(producer: KafkaProducer, open: Map<string, BridgeError>) {
    this.#producer = producer
    this.#open = open
  }

  static async open(kafka: KafkaPort): Promise<ErrorLane> {
    const [producer, open] = await Promise.all([kafka.producer(), readOpen(kafka)])
    return new ErrorLane(producer, open)
  }

  get openCount(): number {
    return this.#open.size
  }

  openEntries(): readonly BridgeError[] {
    return [...this.#open.values()]
  }

  /** Resolves when it is durable. One that is known to be open for the same reason is not told again. */
  async report(error: BridgeError): Promise<void> {
    const known = this.#open.get(keyOf(error))
    if (known?.code === error.code && known.reason === error.reason) return
    const firstAt = known?.firstAt ?? error.firstAt
    const payload = error.payload?.slice(0, payloadCharactersMax) ?? null
    await this.#write({ ...error, firstAt, payload })
  }

  /** The record has arrived after all. */
  async deliver({ lane, position }: Pick<BridgeError, 'lane' | 'position'>, nowMs: number) {
    const known = this.#open.get(keyOf({ lane, position }))
    if (!known) return
    const lastAt = isoTime(nowMs)
    const reason = `delivered; before: ${known.reason}`
    await this.#write({ ...known, code: deliveredCode, reason, lastAt, payload: null })
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  async #write(entry: BridgeError): Promise<void> {
    const record = { key: keyOf(entry), value: JSON.stringify(entry) }
    await this.#producer.send([{ topic: topics.bridgeErrors.name, records: [record] }])
    fold(this.#open, entry)
  }
}

async function readOpen(kafka: KafkaPort): Promise<Map<string, BridgeError>> {
  const topic = topics.bridgeErrors.name
  const admin = await kafka.admin()
  const starts = await admin.startOffsets(topic)
  await admin.close()
  const open = new Map<string, BridgeError>()
  await kafka.readPartitions({
    from: starts.map((offset, partition) => ({ topic, partition, offset })),
    onBatch({ records }) {
      for (const record of records) fold(open, entryOf(record))
    },
  })
  return open
}

function entryOf({ value, offset }: IncomingRecord): BridgeError {
  try {
    return JSON.parse(value?.toString() ?? '') as BridgeError
  } catch (cause) {
    throw new OperatingError('an entry of the error lane is no JSON', {
      where: `${topics.bridgeErrors.name}, offset ${offset}`,
      hint: 'only the bridge may write to this topic; delete the topic to begin anew',
      cause,
    })
  }
}

function fold(open: Map<string, BridgeError>, entry: BridgeError): void {
  const key = keyOf(entry)
  if (entry.code === deliveredCode) open.delete(key)
  else open.set(key, entry)
  if (open.size <= rememberedMax) return
  const [oldest] = open.keys()
  open.delete(oldest as string)
}

function keyOf({ lane, position }: Pick<BridgeError, 'lane' | 'position'>): string {
  return `${lane} ${position}`
}

// T2 in silence: when partitions of the input have been quiet for `idleTimeout`, the broker is asked whether they are
// read to their ends, and only then the watermark follows the shop's clock. The clock is read before the question, so
// that everything acknowledged by then has been taken; what was taken is cut by its own time before silence moves that.
// Also the beat at which the watermark is handed on: once a second is enough for verdicts, and cheap.

import type { Clock, DomainClock, Timer } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import { secondMs } from '#stack/base/units.ts'
import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import type { VisitorStage } from '../stage-one.ts'
import type { InputWatermark } from '../time/watermark.ts'
import type { Lane } from './lane.ts'

const beatMs = secondMs

export interface SilenceOptions {
  lane: Lane<VisitorStage>
  watermark: InputWatermark
  admin: KafkaAdmin
  clock: Clock
  domainClock: DomainClock
  logger: Logger
}

export interface Silence {
  /** Cuts and hands on what there is now; resolves when it is with the flusher. */
  beat(): Promise<void>
  stop(): void
}

export function watchSilence(options: SilenceOptions): Silence {
  const { clock, domainClock, logger } = options
  let isAsking = false
  const beat = async (): Promise<void> => {
    if (isAsking) return
    isAsking = true
    try {
      options.lane.cutAtEnds()
      await advance(options)
      options.lane.handWatermark()
    } catch (error) {
      logger.info('the ends of the input are not known', { error: messageOf(error) })
    } finally {
      isAsking = false
    }
  }
  const timer: Timer = clock.every(beatMs, () => void beat())
  const stopListening = domainClock.onMove(() => void beat())
  return {
    beat,
    stop() {
      timer.cancel()
      stopListening()
    },
  }
}

async function advance({ lane, watermark, admin, domainClock }: SilenceOptions): Promise<void> {
  const nowMs = domainClock.now()
  if (!watermark.hasSilence(nowMs)) {
    watermark.advance(nowMs, nobody)
    return
  }
  const ends = await admin.endOffsets(lane.definition.input.name)
  const readToEnd = lane.readings
    .map(({ task }) => task)
    .filter(({ partition, nextOffset }) => nextOffset >= (ends[partition] ?? 0))
  watermark.advance(nowMs, new Set(readToEnd.map(({ partition }) => partition)))
}

const nobody: ReadonlySet<number> = new Set()

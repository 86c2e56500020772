import { expect, test } from 'vitest'
import { ManualClock } from '#stack/base/clock.ts'
import type { TopicRecords } from '#stack/kafka-client/producer.ts'
import type { DecidedCut } from '../task.ts'
import { Flusher } from './flusher.ts'

/** A producer that answers when it is told to; requests as `topic/partition` of each record. */
function heldProducer() {
  const requests: string[][] = []
  const answers: (() => void)[] = []
  return {
    requests,
    send: (batches: readonly TopicRecords[]) => {
      const records = batches.flatMap(({ topic, records: own }) =>
        own.map(({ partition, key }) => `${topic}/${partition} ${String(key)}`),
      )
      requests.push(records)
      return new Promise<void>((resolve) => answers.push(resolve))
    },
    /** Answers the oldest request; what follows from it has happened. */
    async answer() {
      answers.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    },
    partitionCount: () => Promise.resolve(4),
    close: () => Promise.resolve(),
  }
}

function cutOf(partition: number, nextOffset: number): DecidedCut {
  return {
    decision: { number: nextOffset, nextOffset, watermarkMs: null, handsWatermark: false },
    cut: {
      outputs: [{ topic: 'out', records: [{ key: `o${nextOffset}`, value: 'x', partition }] }],
      changelog: [{ key: `s${nextOffset}`, value: 'x' }],
      isDecisive: true,
    },
    isRepeated: false,
  }
}

function newFlusher() {
  const producer = heldProducer()
  const flushed: string[] = []
  const flusher = new Flusher({
    producer,
    input: 'in',
    changelog: 'log',
    clock: new ManualClock(0),
    onFlushed: ({ positions }) =>
      flushed.push(positions.map(({ partition, offset }) => `${partition}@${offset}`).join(' ')),
    onFailure: (error) => {
      throw error
    },
  })
  return { producer, flusher, flushed }
}

test('what all partitions cut in one turn is written together: decisions, outputs, changelog', async () => {
  const { producer, flusher, flushed } = newFlusher()
  flusher.submit(0, cutOf(0, 5))
  flusher.submit(1, cutOf(1, 7))
  for (let i = 0; i < 4; i++) await producer.answer()
  expect(producer.requests).toEqual([
    ['log/0 #decisions', 'log/1 #decisions'],
    ['out/0 o5', 'out/1 o7'],
    ['log/0 s5', 'log/1 s7'],
  ])
  expect(flushed).toEqual(['0@5 1@7'])
})

test('what is cut during a flush follows in the next, its decision with the changelog of this one', async () => {
  const { producer, flusher, flushed } = newFlusher()
  flusher.submit(0, cutOf(0, 5))
  await producer.answer()
  flusher.submit(0, cutOf(0, 9))
  for (let i = 0; i < 6; i++) await producer.answer()
  expect(producer.requests).toEqual([
    ['log/0 #decisions'],
    ['out/0 o5'],
    ['log/0 s5', 'log/0 #decisions'],
    ['out/0 o9'],
    ['log/0 s9'],
  ])
  expect(flushed).toEqual(['0@5', '0@9'])
  await flusher.idle()
})

test('once it is stopped, the flush under way is finished and nothing else is written', async () => {
  const { producer, flusher, flushed } = newFlusher()
  flusher.submit(0, cutOf(0, 5))
  await producer.answer()
  flusher.submit(0, cutOf(0, 9))
  flusher.stop()
  flusher.submit(0, cutOf(0, 12))
  for (let i = 0; i < 6; i++) await producer.answer()
  await flusher.idle()
  expect(producer.requests).toEqual([['log/0 #decisions'], ['out/0 o5'], ['log/0 s5']])
  expect(flushed).toEqual(['0@5'])
})

// kill -9 while messages are published and acknowledged: what was answered with success holds in the next life.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectPubSub } from '#stack/google/pubsub.ts'
import { PartProcess } from '../base/part-process.ts'

const topic = 'projects/shop/topics/orders'
const subscription = 'projects/shop/subscriptions/mine'
const lives = 4
const messagesPerLife = 400

async function startProcess(dataDir: string) {
  const main = new URL('./main.ts', import.meta.url).pathname
  const flags = ['--port', '0', '--control-port', '0', '--data', dataDir]
  const part = new PartProcess(main, flags)
  const { pubsub = '' } = await part.ready
  const clients = await connectPubSub({
    mode: 'emulator',
    projectId: 'shop',
    pubsub,
  })
  return {
    ...clients,
    async kill() {
      await part.kill()
      await clients.close()
    },
  }
}

test('what was published or acknowledged before kill -9 is so after it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-pubsub-kill-'))
  const published = new Set<string>()
  const acknowledged = new Set<string>()
  /** Asked to be, which a kill may leave without an answer: either is right for those. */
  const asked = new Set<string>()
  const cameAgain: string[] = []
  try {
    for (let life = 0; life < lives; life++) {
      const server = await startProcess(dataDir)
      if (life === 0) {
        await server.publisher.createTopic({ name: topic })
        await server.subscriber.createSubscription({ name: subscription, topic })
      }
      await work(server, life)
    }
    const last = await startProcess(dataDir)
    const left = await pullAll(last)
    await last.kill()
    const kept = new Set([...asked, ...left])
    expect([...published].filter((id) => !kept.has(id))).toEqual([])
    expect(left.filter((id) => acknowledged.has(id))).toEqual([])
    expect(cameAgain).toEqual([])
    expect(published.size).toBeGreaterThan(lives)
    expect(acknowledged.size).toBeGreaterThan(0)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }

  type Server = Awaited<ReturnType<typeof startProcess>>

  /** Publishes and acknowledges side by side until it is killed in the middle of both. */
  async function work(server: Server, life: number): Promise<void> {
    const stop = new AbortController()
    let killed: Promise<void> | undefined
    const until = async (step: () => Promise<unknown>) => {
      while (!stop.signal.aborted) await step().catch(() => {})
    }
    let count = 0
    const publishing = until(async () => {
      const messages = [{ data: Buffer.from(`${life}/${count++}`) }]
      const [{ messageIds }] = await server.publisher.publish({ topic, messages }, { retry: null })
      for (const id of messageIds ?? []) published.add(id)
      if (count < messagesPerLife) return
      stop.abort()
      killed = server.kill()
    })
    const acknowledging = until(async () => {
      const received = await pull(server, 20)
      cameAgain.push(...received.map(({ id }) => id).filter((id) => acknowledged.has(id)))
      if (received.length === 0) return
      for (const { id } of received) asked.add(id)
      const ackIds = received.map(({ ackId }) => ackId)
      await server.subscriber.acknowledge({ subscription, ackIds }, { retry: null })
      for (const { id } of received) acknowledged.add(id)
    })
    await Promise.all([publishing, acknowledging])
    await killed
  }

  async function pull(server: Server, maxMessages: number) {
    const request = { subscription, maxMessages, returnImmediately: true }
    const [{ receivedMessages }] = await server.subscriber.pull(request, { retry: null })
    return (receivedMessages ?? []).map(({ ackId, message }) => ({
      ackId: ackId as string,
      id: message?.messageId as string,
    }))
  }

  async function pullAll(server: Server): Promise<string[]> {
    const ids: string[] = []
    for (;;) {
      const received = await pull(server, 1000)
      if (received.length === 0) return ids
      ids.push(...received.map(({ id }) => id))
    }
  }
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { DomainClock, ManualClock } from '../base/clock.ts'
import { dayMs } from '../base/units.ts'
import { startPubSub } from './start.ts'
import type { PubSubServerOptions } from './start.ts'
import { Store } from './store.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'

const topic = 'projects/shop/topics/orders'
const subscription = 'projects/shop/subscriptions/mine'

async function opened(options: PubSubServerOptions = {}, config: object = {}) {
  const server = await startPubSub(options)
  const { publisher, subscriber, close } = await connectPubSub({
    mode: 'emulator',
    projectId: 'shop',
    pubsub: server.address,
  })
  const isNew = await publisher.createTopic({ name: topic }).then(
    () => true,
    () => false,
  )
  if (isNew) await subscriber.createSubscription({ ...config, name: subscription, topic })
  return {
    ...server,
    publisher,
    subscriber,
    async publish(...texts: string[]) {
      const messages = texts.map((text) => ({ data: Buffer.from(text) }))
      const [{ messageIds }] = await publisher.publish({ topic, messages })
      return messageIds as string[]
    },
    async pull(maxMessages = 100) {
      const request = { subscription, maxMessages, returnImmediately: true }
      const [{ receivedMessages }] = await subscriber.pull(request)
      return (receivedMessages ?? []).map(({ ackId, message }) => ({
        ackId: ackId as string,
        text: Buffer.from(message?.data as Uint8Array).toString(),
      }))
    },
    async [Symbol.asyncDispose]() {
      await close()
      await server.close()
    },
  }
}

function temporaryDir() {
  const path = mkdtempSync(join(tmpdir(), 'slipway-pubsub-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

describe('a restart', () => {
  test('keeps what is not acknowledged, and nothing that is', async () => {
    using dir = temporaryDir()
    {
      await using first = await opened({ dataDir: dir.path })
      await first.publish('1', '2', '3', '4')
      const received = await first.pull()
      const ackIds = received.filter(({ text }) => text !== '2').map(({ ackId }) => ackId)
      await first.subscriber.acknowledge({ subscription, ackIds })
    }
    await using second = await opened({ dataDir: dir.path })
    await second.publish('5')
    expect((await second.pull()).map(({ text }) => text)).toEqual(['2', '5'])
  })

  test('gives no message an id that another had', async () => {
    using dir = temporaryDir()
    const ids: string[] = []
    for (let life = 0; life < 3; life++) {
      await using server = await opened({ dataDir: dir.path })
      ids.push(...(await server.publish('a', 'b')))
      const ackIds = (await server.pull()).map(({ ackId }) => ackId)
      await server.subscriber.acknowledge({ subscription, ackIds })
    }
    expect(new Set(ids).size).toBe(6)
  })

  test('takes no acknowledgement of a delivery before it', async () => {
    using dir = temporaryDir()
    let old: string[] = []
    {
      await using first = await opened({ dataDir: dir.path })
      await first.publish('x')
      old = (await first.pull()).map(({ ackId }) => ackId)
    }
    await using second = await opened({ dataDir: dir.path })
    expect(await second.pull()).toHaveLength(1)
    await second.subscriber.acknowledge({ subscription, ackIds: old })
    await second.subscriber.modifyAckDeadline({ subscription, ackIds: old, ackDeadlineSeconds: 0 })
    expect(await second.pull()).toEqual([])
  })
})

test('a taken port is named', async () => {
  await using server = await opened()
  const port = Number(server.address.split(':')[1])
  await expect(startPubSub({ port })).rejects.toThrow(`port ${port} is taken`)
})

describe('planned faults', () => {
  test('a call is refused as often as planned', async () => {
    await using server = await opened()
    server.faults.set([{ method: 'Publish', code: 'PERMISSION_DENIED', times: 2 }])
    await expect(server.publish('x')).rejects.toMatchObject({ code: 7 })
    await expect(server.publish('x')).rejects.toMatchObject({ code: 7 })
    await server.publish('x')
    expect(server.faults.left).toBe(0)
  })

  test('a lost answer leaves the work done', async () => {
    await using server = await opened()
    const fault = { method: 'Publish', code: 'PERMISSION_DENIED', dropResponseAfterCommit: true }
    server.faults.set([fault as Parameters<typeof server.faults.set>[0][number]])
    await expect(server.publish('done')).rejects.toMatchObject({ code: 7 })
    expect((await server.pull()).map(({ text }) => text)).toEqual(['done'])
  })
})

describe('push', () => {
  async function endpoint(answers: number[]) {
    const bodies: { message: Record<string, unknown>; subscription: string }[] = []
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as (typeof bodies)[number])
        response.writeHead(answers.shift() ?? 204).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/push`,
      bodies,
      [Symbol.dispose]: () => void server.close(),
    }
  }

  test('posts each message until it is acknowledged', async () => {
    using shop = await endpoint([500, 500])
    await using server = await opened({}, { pushConfig: { pushEndpoint: shop.url } })
    const [messageId] = await server.publish('hello')
    await vi.waitFor(() => expect(shop.bodies).toHaveLength(3), 5000)
    expect(shop.bodies[2]).toMatchObject({
      subscription,
      message: { data: Buffer.from('hello').toString('base64'), messageId },
    })
    expect(await server.pull()).toEqual([])
  })

  test('ends when the endpoint is taken away, and the rest can be pulled', async () => {
    using shop = await endpoint([])
    await using server = await opened({}, { pushConfig: { pushEndpoint: shop.url } })
    await server.subscriber.modifyPushConfig({ subscription, pushConfig: {} })
    await server.publish('mine')
    expect((await server.pull()).map(({ text }) => text)).toEqual(['mine'])
    expect(shop.bodies).toEqual([])
  })
})

test('a subscription that nobody uses expires by the domain’s clock', async () => {
  const domainClock = new DomainClock(new ManualClock(Date.now()))
  await using server = await opened({ domainClock })
  domainClock.advance(30 * dayMs)
  await server.pull()
  domainClock.advance(30 * dayMs)
  await server.pull()
  domainClock.advance(32 * dayMs)
  await expect(server.pull()).rejects.toMatchObject({ code: 5 })
})

test('messages of a topic that nobody has anything to do with any more are dropped', async () => {
  using dir = temporaryDir()
  {
    await using server = await opened({ dataDir: dir.path })
    await server.publish('x')
    await server.publisher.deleteTopic({ topic })
    expect((await server.pull()).map(({ text }) => text)).toEqual(['x'])
    await server.subscriber.deleteSubscription({ subscription })
  }
  const store = new Store(join(dir.path, 'pubsub.sqlite'))
  expect(store.messagesAfter(1, 0, 10)).toEqual([])
  store.close()
})

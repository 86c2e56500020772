// Logging in, as kafkajs does it and as an attacker would.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KafkaConfig, SASLOptions } from 'kafkajs'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorName } from '../protocol/errors.ts'
import { apiVersions, metadata } from '../protocol/messages/cluster.ts'
import { saslAuthenticate, saslHandshake } from '../protocol/messages/login.ts'
import type { RunningBroker } from '../start.ts'
import { startBroker } from '../start.ts'
import { WireClient } from '../wire-client.ts'
import { Scram } from './scram.ts'
import { testCertificate } from './test-certificate.ts'
import { parseUsers, Users } from './users.ts'

const username = 'ann,a=b'
const password = 'pencil:2'
let dataDir = ''
let broker: RunningBroker
let tlsBroker: RunningBroker

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-login-'))
  const users = new Map([[username, password]])
  const options = { users, durability: 'none' as const }
  broker = await startBroker({ ...options, dataDir: join(dataDir, 'plain') })
  tlsBroker = await startBroker({
    ...options,
    dataDir: join(dataDir, 'tls'),
    tls: testCertificate,
  })
})

afterAll(async () => {
  await Promise.all([broker.close(), tlsBroker.close()])
  await rm(dataDir, { recursive: true, force: true })
})

async function topicsSeenBy(sasl: SASLOptions | undefined, more: Partial<KafkaConfig> = {}) {
  const kafka = new Kafka({
    brokers: [broker.address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...(sasl ? { sasl } : {}),
    ...more,
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

describe('a client', () => {
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'logs in by %s, and not with a wrong password or name',
    async (mechanism) => {
      const login = (name: string, secret: string) =>
        topicsSeenBy({ mechanism, username: name, password: secret })
      expect(await login(username, password)).toEqual([])
      await expect(login(username, 'other')).rejects.toThrow(/SASL/)
      await expect(login('bob', password)).rejects.toThrow(/SASL/)
    },
  )

  test('logs in over TLS', async () => {
    const sasl: SASLOptions = { mechanism: 'plain', username, password }
    const tls = { brokers: [tlsBroker.address], ssl: { ca: [testCertificate.cert] } }
    expect(await topicsSeenBy(sasl, tls)).toEqual([])
    await expect(topicsSeenBy(sasl, { brokers: [tlsBroker.address] })).rejects.toThrow(
      /connection/i,
    )
  })

  test('that does not log in is served nothing', async () => {
    await expect(topicsSeenBy(undefined)).rejects.toThrow(/connection/i)
    using client = await WireClient.connect(broker.port)
    const versions = await client.call(apiVersions, 0, {
      clientSoftwareName: '',
      clientSoftwareVersion: '',
    })
    expect(versions.errorCode).toBe(0)
    const asked = client.call(metadata, 1, {
      topics: null,
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    await expect(asked).rejects.toThrow(/closed/)
  })

  test('may not send more than a login takes before it', async () => {
    using client = await WireClient.connect(broker.port)
    client.write(Buffer.from([0, 1, 0, 1]))
    expect(await client.closed).toBeUndefined()
  })

  test('is told which mechanisms there are, and in which order to ask', async () => {
    using client = await WireClient.connect(broker.port)
    const answer = await client.call(saslHandshake, 1, { mechanism: 'GSSAPI' })
    expect(errorName(answer.errorCode)).toBe('UNSUPPORTED_SASL_MECHANISM')
    expect(answer.mechanisms).toEqual(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
    const early = await client.call(saslAuthenticate, 1, { authBytes: Buffer.from('\0a\0b') })
    expect(errorName(early.errorCode)).toBe('ILLEGAL_SASL_STATE')
    await client.closed
  })
})

describe('after SaslHandshake 0 tokens are bare', () => {
  async function handshake(mechanism: string): Promise<WireClient> {
    const client = await WireClient.connect(broker.port)
    const { errorCode } = await client.call(saslHandshake, 0, { mechanism })
    expect(errorName(errorCode)).toBe('NONE')
    return client
  }
  const framed = (token: string) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(Buffer.byteLength(token))
    return Buffer.concat([size, Buffer.from(token)])
  }
  const describeAll = { topics: null, allowAutoTopicCreation: false }
  const withoutRights = {
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  }

  test('and a login by them is served', async () => {
    using client = await handshake('PLAIN')
    expect(await client.exchange(framed(`\0${username}\0${password}`))).toEqual(Buffer.alloc(0))
    const { topics } = await client.call(metadata, 1, { ...describeAll, ...withoutRights })
    expect(topics).toEqual([])
  })

  test('and a wrong password ends the connection without an answer', async () => {
    using client = await handshake('PLAIN')
    await expect(client.exchange(framed(`\0${username}\0other`))).rejects.toThrow(/closed/)
  })

  test('one by one, as SCRAM takes two', async () => {
    using client = await handshake('SCRAM-SHA-256')
    const name = username.replace('=', '=3D').replace(',', '=2C')
    const first = String(await client.exchange(framed(`n,,n=${name},r=abc`)))
    expect(first).toMatch(/^r=abc.+,s=.+,i=\d+$/)
    const nonce = first.slice('r='.length, first.indexOf(',s='))
    const wrong = client.exchange(framed(`c=biws,r=${nonce},p=AAAA`))
    await expect(wrong).rejects.toThrow(/closed/)
  })
})

describe('SCRAM', () => {
  test.each(['', 'n,,', 'n,,n=,r=', 'p=x,,n=ann,r=1', 'n,,r=1,n=ann'])('refuses %j', (text) => {
    const scram = new Scram('SCRAM-SHA-256', new Users(new Map([['ann', 'x']])))
    expect(scram.step(Buffer.from(text))).toBeUndefined()
  })

  test('refuses a proof for another nonce', () => {
    const scram = new Scram('SCRAM-SHA-256', new Users(new Map([['ann', 'x']])))
    expect(scram.step(Buffer.from('n,,n=ann,r=abc'))?.user).toBeUndefined()
    expect(scram.step(Buffer.from('c=biws,r=abc,p=AAAA'))).toBeUndefined()
  })
})

test('a file of users has a name and a password in each line', () => {
  expect(parseUsers('# who\nann:a:b\n\nbob:\n', 'f')).toEqual(new Map([['ann', 'a:b'], ['bob', '']])) // prettier-ignore
  expect(() => parseUsers('ann', 'f')).toThrow(/no password/)
})

// Google mode without Google: bridge and dashboard take a local server for Google by name and certificate (fixtures/google.ts),
// log in with the key of a service account, and reach nothing else. What Google may refuse is said with what to do.

import { execFile } from 'node:child_process'
import { describe, expect, test, vi } from 'vitest'
import type { RunningBridge } from '#bridge/start.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'
import type { CloudLine } from '#ui/start.ts'
import { watchConnections } from '../fixtures/connections.ts'
import { pretendGoogle } from '../fixtures/google.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { everyFigureHasOneAnswer } from './cloud-figures.contract.ts'
import { pageView } from './page-view.ts'
import { writeMonth } from './parity.contract.ts'

/** Neither US nor EU: there a job is found by its place alone. */
const project = { projectId: 'shop-production', region: 'europe-west3' }
type BridgeStatus = ReturnType<RunningBridge['status']>

describe('with --cloud google', () => {
  test(
    'bridge and dashboard use the project they were allowed, and ask for no name but Google’s',
    { timeout: 600_000 },
    async () => {
      const connections = watchConnections()
      await using google = await pretendGoogle(project)
      const env = { ...google.env, ...connections.env }
      const { code, stderr } = await slipway(env, 'bridge', 'apply', ...toGoogle)
      expect([code, stderr]).toEqual([0, ''])
      await using stack = await startStack({ args: ['--no-demo', '--cloud', 'google'], env })
      await writeMonth(stack, { scenario: 'full', seed: 15, records: 1500 })
      await stack.post('shop', '/v1/events', pageView('today'))
      await stack.settle()
      await caughtUp(stack, env)
      await isEqual(stack, env)
      expect(await stack.get('dashboard', '/api/cloud')).toEqual({
        mode: 'google',
        projectId: project.projectId,
        dataset: 'slipway',
      })
      await vi.waitFor(
        async () => expect(await standing(stack)).toMatchObject({ behind: { rows: 0 } }),
        patience,
      )
      await everyFigureHasOneAnswer(stack)
      await vi.waitFor(async () => {
        const [here, there] = [await live(stack, 'local'), await live(stack, 'cloud')]
        expect(here.counts.events).toBe(1)
        expect(there).toMatchObject({ source: 'cloud', trouble: null, counts: here.counts })
      }, patience)
      await vi.waitFor(async () => {
        const parity = await stack.get<Parity>('dashboard', '/api/bridge/parity')
        const agreements = new Set(parity.tables?.map(({ agreement }) => agreement))
        expect(agreements).toEqual(new Set(['equal']))
      }, patience)
      expect(await liveSubscriptions(google.pubsubAddress)).toHaveLength(4)
      await stack.stop()
      expect(await liveSubscriptions(google.pubsubAddress)).toEqual([])
      expect(google.complaints()).toEqual([])
      const names = ['bigquery', 'bigquerystorage', 'oauth2', 'pubsub']
      expect(google.asked()).toEqual(names.map((name) => `${name}.googleapis.com`))
      expect(connections.beyondThisMachine()).toEqual([])
    },
  )

  test('tables go by load jobs, too', { timeout: 240_000 }, async () => {
    const connections = watchConnections()
    await using google = await pretendGoogle(project)
    const byLoad = { SLIPWAY_TABLES_BY: 'load', SLIPWAY_LOAD_EVERY_SECONDS: '1' }
    const env = { ...google.env, ...connections.env, ...byLoad }
    await slipway(env, 'bridge', 'apply', ...toGoogle)
    await using stack = await startStack({ args: ['--no-demo', '--cloud', 'google'], env })
    await stack.post('shop', '/v1/events', pageView('today'))
    await stack.settle()
    await caughtUp(stack, env)
    await isEqual(stack, env)
    expect(google.complaints()).toEqual([])
    expect(google.answered()).not.toHaveProperty(['bigquerystorage.googleapis.com'])
    expect(connections.beyondThisMachine()).toEqual([])
  })

  test(
    'what stands in the way is told apart, each with what to do',
    { timeout: 120_000 },
    async () => {
      await using google = await pretendGoogle(project)
      const said = async (env = google.env) => {
        const { code, stderr } = await slipway(env, 'bridge', 'apply', ...toGoogle)
        expect(code).toBe(1)
        return stderr
      }
      const stranger = await said(google.strangersEnv)
      expect(stranger).toContain('Google does not accept the login')
      expect(stranger).toContain('GOOGLE_APPLICATION_CREDENTIALS is to name the key file')
      google.refuse('permission')
      const denied = await said()
      expect(denied).toContain('the account may not do this at Google')
      expect(denied).toContain('give it the roles')
      google.refuse('api')
      const off = await said()
      expect(off).toContain('an API of Google is off in this project')
      expect(off).toContain('gcloud services enable pubsub.googleapis.com')
    },
  )

  test(
    'the dashboard says each of them with steps, and goes on by itself when it is mended',
    { timeout: 300_000 },
    async () => {
      await using google = await pretendGoogle(project)
      const { env } = google
      await slipway(env, 'bridge', 'apply', ...toGoogle)
      await using stack = await startStack({ args: ['--no-demo', '--cloud', 'google'], env })
      await stack.post('shop', '/v1/events', pageView('today'))
      await caughtUp(stack, env)
      for (const [refusal, ofBigQuery, ofPubSub] of refusals) {
        google.refuse(refusal)
        await vi.waitFor(async () => {
          const { trouble } = await standing(stack)
          expect(trouble).toMatchObject({ kind: refusal, title: expect.stringMatching(/./) })
          expect(commandsOf(trouble)).toContain(ofBigQuery)
          const [line] = await cloudMetric(stack)
          expect(line).toMatchObject({ kind: 'trouble', trouble: { kind: refusal } })
          const frame = await live(stack, 'cloud')
          expect(frame.trouble).toMatchObject({ kind: refusal })
          expect(commandsOf(frame.trouble)).toContain(ofPubSub)
        }, patience)
        // The other side goes on.
        expect((await live(stack, 'local')).counts.events).toBe(1)
        google.refuse(undefined)
        await vi.waitFor(async () => {
          expect(await standing(stack)).toMatchObject({ isReady: true })
          expect((await cloudMetric(stack)).map(({ kind }) => kind)).toContain('answer')
          expect((await live(stack, 'cloud')).trouble).toBeNull()
        }, patience)
      }
      await using away = await startStack({
        args: ['--no-demo', '--cloud', 'google'],
        env: google.strangersEnv,
      })
      expect(await standing(away)).toMatchObject({ trouble: { kind: 'login' } })
    },
  )
})

/** Each with a command that mends it at BigQuery and at Pub/Sub. */
const refusals = [
  ['login', 'GOOGLE_APPLICATION_CREDENTIALS', 'GOOGLE_APPLICATION_CREDENTIALS'],
  ['permission', 'roles/bigquery.jobUser', 'roles/pubsub.editor'],
  ['api', 'enable bigquery.googleapis.com', 'enable pubsub.googleapis.com'],
] as const

const patience = { timeout: 60_000, interval: 500 }
const toGoogle = ['--cloud', 'google', '--location', project.region]

interface Trouble {
  kind: string
  title: string
  steps: { says: string; command?: string }[]
}

interface Standing {
  isReady: boolean
  trouble?: Trouble
}

interface Parity {
  tables?: { agreement: string }[]
}

interface Frame {
  source: string
  trouble: Trouble | null
  counts: { events: number }
}

const standing = (stack: Stack) => stack.get<Standing>('dashboard', '/api/cloud/standing')
const live = (stack: Stack, source: 'local' | 'cloud') =>
  stack.get<Frame>('dashboard', `/api/live/snapshot?src=${source}`)
const commandsOf = (trouble: Trouble | null | undefined): string =>
  (trouble?.steps ?? []).map(({ command }) => command).join('\n')

async function cloudMetric(stack: Stack): Promise<CloudLine[]> {
  const response = await fetch(`${stack.addresses['dashboard']}/api/cloud/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ questions: [{ id: 'events' }] }),
  })
  const lines = (await response.text()).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as CloudLine)
}

async function caughtUp(stack: Stack, env: Record<string, string>): Promise<void> {
  const offset = ['--port-offset', String(stack.portOffset)]
  await vi.waitFor(
    async () => {
      const { stdout } = await slipway(env, 'bridge', 'status', '--json', ...offset)
      const status = JSON.parse(stdout) as BridgeStatus
      expect(status).toMatchObject({ state: 'caught-up', openErrors: 0 })
      const sent = status.lanes.map(({ streams }) => streams.some((each) => each.counts.sent > 0))
      expect(sent).toEqual([true, true])
    },
    { timeout: 120_000, interval: 500 },
  )
}

async function isEqual(stack: Stack, env: Record<string, string>): Promise<void> {
  const offset = ['--port-offset', String(stack.portOffset)]
  const { code, stdout } = await slipway(env, 'bridge', 'verify', ...toGoogle, ...offset)
  expect([code, stdout]).toEqual([0, expect.stringContaining('equal: ')])
}

/** What cloud Live made, looked at behind the names. */
async function liveSubscriptions(pubsub: string): Promise<string[]> {
  const { projectId } = project
  const clients = await connectPubSub({ mode: 'emulator', projectId, pubsub })
  try {
    const request = { project: `projects/${projectId}` }
    const [found] = await clients.subscriber.listSubscriptions(request)
    return found.flatMap(({ name }) => (name?.includes('slipway-live-') ? [name] : []))
  } finally {
    await clients.close()
  }
}

interface Said {
  code: number
  stdout: string
  stderr: string
}

function slipway(env: Record<string, string>, ...words: string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['stack/slipway.ts', ...words],
      { env: { ...process.env, ...env }, timeout: 60_000 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

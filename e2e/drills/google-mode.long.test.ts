// Google mode without Google: the bridge takes a local server for Google by name and certificate (fixtures/google.ts), logs in
// with the key of a service account, and reaches nothing else. What Google may refuse is said with what to do.

import { execFile } from 'node:child_process'
import { describe, expect, test, vi } from 'vitest'
import type { RunningBridge } from '#bridge/start.ts'
import { pretendGoogle } from '../fixtures/google.ts'
import { startStack } from '../fixtures/stack.ts'
import { pageView } from './page-view.ts'

const project = { projectId: 'shop-production', region: 'EU' }
type BridgeStatus = ReturnType<RunningBridge['status']>

describe('with --cloud google', () => {
  test(
    'the bridge mirrors into the project it was allowed, and asks for no name but Google’s',
    { timeout: 180_000 },
    async () => {
      await using google = await pretendGoogle(project)
      const { code, stderr } = await slipway(google.env, 'bridge', 'apply', ...toGoogle)
      expect([code, stderr]).toEqual([0, ''])
      await using stack = await startStack({
        args: ['--no-demo', '--cloud', 'google'],
        env: google.env,
      })
      await stack.post('shop', '/v1/events', pageView('today'))
      await stack.settle()
      const offset = ['--port-offset', String(stack.portOffset)]
      await vi.waitFor(
        async () => {
          const { stdout } = await slipway(google.env, 'bridge', 'status', '--json', ...offset)
          const status = JSON.parse(stdout) as BridgeStatus
          expect(status).toMatchObject({ state: 'caught-up', openErrors: 0 })
          const sent = status.lanes.map(({ streams }) =>
            streams.some((each) => each.counts.sent > 0),
          )
          expect(sent).toEqual([true, true])
        },
        { timeout: 90_000, interval: 500 },
      )
      const verified = await slipway(google.env, 'bridge', 'verify', ...toGoogle, ...offset)
      expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('equal: ')])
      expect(google.complaints()).toEqual([])
      const names = ['bigquery', 'bigquerystorage', 'oauth2', 'pubsub']
      expect(google.asked()).toEqual(names.map((name) => `${name}.googleapis.com`))
    },
  )

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
})

const toGoogle = ['--cloud', 'google', '--location', project.region]

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

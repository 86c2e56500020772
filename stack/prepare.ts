// Run by `npm run prepare`, after installing: makes `npx slipway` this checkout's command (npm links the commands of
// dependencies only), and starts the stack once, empty and on other ports, so that Node keeps what it compiles of every part:
// the first start of a person is a second faster for it. Where that cannot be, nothing is said: it is only slower.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from './base/clock.ts'
import { secondMs } from './base/units.ts'

const command = 'node_modules/.bin/slipway'
/** Between the ports of servers and those that systems give to clients. */
const portOffset = 15_000
const readyMsMax = 30 * secondMs
/** The bridge starts when the others are ready. */
const bridgeMs = 2 * secondMs

linkCommand()
await startOnce()

function linkCommand(): void {
  rmSync(command, { force: true })
  if (process.platform === 'win32') {
    writeFileSync(`${command}.cmd`, '@node "%~dp0\\..\\..\\stack\\slipway.ts" %*\r\n')
  } else {
    symlinkSync('../../stack/slipway.ts', command)
  }
}

async function startOnce(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'slipway-prepare-'))
  const slipway = new URL('slipway.ts', import.meta.url).pathname
  const flags = ['start', '--no-demo', '--data', data, '--port-offset', String(portOffset)]
  const stack = spawn(process.execPath, [slipway, ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: ownEnvironment(),
  })
  const ended = once(stack, 'exit')
  const limit = systemClock.after(readyMsMax, () => stack.kill('SIGINT'))
  for await (const line of createInterface(stack.stdout)) {
    if (!line.startsWith('ready')) continue
    await systemClock.sleep(bridgeMs)
    stack.kill('SIGINT')
  }
  await ended
  limit.cancel()
  rmSync(data, { recursive: true, force: true })
}

/** Without what sends a start elsewhere: to a broker, to a project of Google. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env)
  return Object.fromEntries(entries.filter(([name]) => !/^(KAFKA|SLIPWAY|GOOGLE)_/.test(name)))
}

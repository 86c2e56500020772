// `slipway rebuild`: tells the running history to read everything again, and shows how far it is. The file belongs to
// that process, so it is asked and not gone around.

import { systemClock } from '#stack/base/clock.ts'
import { describeError, exitCodeOf, messageOf, OperatingError } from '#stack/base/errors.ts'
import { askHistoryOptions } from '#stack/base/common-options.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import type { RebuildState } from './service.ts'

const options = {
  ...askHistoryOptions,
  json: { type: 'flag', help: 'one JSON object a line' },
} as const satisfies OptionTable

const askAgainMs = 200

try {
  const { options: given, help } = parseOptions(options, process.argv.slice(2), process.env)
  if (help) process.stdout.write(`slipway rebuild [options]\n\n${optionsHelp(options)}\n`)
  else {
    const url = given.history ?? `http://127.0.0.1:${defaultPorts.history + given.portOffset}`
    await rebuild(url, given.json)
  }
} catch (error) {
  process.stderr.write(`rebuild: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}

async function rebuild(url: string, isJson: boolean): Promise<void> {
  let state = await ask(url, 'POST')
  let shown = -1
  while (state.state === 'running') {
    const percent = state.total === 0 ? 0 : Math.floor((100 * state.done) / state.total)
    if (isJson) process.stdout.write(`${JSON.stringify(state)}\n`)
    else if (percent !== shown) process.stderr.write(`read again: ${percent} %\n`)
    shown = percent
    await systemClock.sleep(askAgainMs)
    state = await ask(url, 'GET')
  }
  if (state.state === 'failed') {
    throw new OperatingError(`history could not be rebuilt: ${state.error}`, {
      where: url,
      hint: 'the history from before still answers; the log of history says more',
    })
  }
  process.stdout.write(isJson ? `${JSON.stringify({ state: 'done' })}\n` : 'history was rebuilt\n')
}

async function ask(url: string, method: 'GET' | 'POST'): Promise<RebuildState> {
  try {
    const response = await fetch(`${url}/v1/rebuild`, { method })
    return (await response.json()) as RebuildState
  } catch (error) {
    throw new OperatingError(`history does not answer: ${messageOf(error)}`, {
      where: url,
      hint: 'start it with `slipway start`, or name it with --history',
      cause: error,
    })
  }
}

// `slipway why CART`: asks history for the explained timeline of one cart and prints it.

import {
  describeError,
  exitCodeOf,
  messageOf,
  OperatingError,
  UsageError,
} from '#stack/base/errors.ts'
import { askHistoryOptions } from '#stack/base/common-options.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { printStory } from './print.ts'
import type { CartStory } from './story.ts'

const options = {
  ...askHistoryOptions,
  json: { type: 'flag', help: 'the story as one JSON object' },
} as const satisfies OptionTable

const usage = `slipway why CART [options]

The explained timeline of one cart: its events in order, what each did and by which rule, the deadline, what was ignored
and why, the verdicts as they were published. CART is a cart key as in the table carts: a:<browser>, u:<customer> or
c:<cart id>. Anything else, such as an order, is answered with the carts that it may mean.

${optionsHelp(options)}
`

const howToFind =
  'the table carts lists them by cart_key, for example: SELECT cart_key, state FROM carts ORDER BY started_at DESC (POST /v1/sql of history, or the page History)'

try {
  const {
    options: given,
    positionals,
    help,
  } = parseOptions(options, process.argv.slice(2), process.env)
  if (help) process.stdout.write(usage)
  else {
    const url = given.history ?? `http://127.0.0.1:${defaultPorts.history + given.portOffset}`
    const story = await ask(url, cartKeyOf(positionals))
    process.stdout.write(given.json ? `${JSON.stringify(story)}\n` : printStory(story))
  }
} catch (error) {
  process.stderr.write(`why: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}

function cartKeyOf(positionals: readonly string[]): string {
  const [cartKey, ...more] = positionals
  if (cartKey !== undefined && cartKey !== '' && more.length === 0) return cartKey
  throw new UsageError('name one cart', {
    hint: `a:<browser>, u:<customer> or c:<cart id>; ${howToFind}`,
  })
}

async function ask(url: string, cartKey: string): Promise<CartStory> {
  const response = await reach(`${url}/v1/carts/${encodeURIComponent(cartKey)}/why`, url)
  if (response.ok) return (await response.json()) as CartStory
  if (response.status === 404) {
    const { near = [] } = (await response.json()) as { near?: string[] }
    throw new OperatingError(`there is no cart ${cartKey}`, { where: url, hint: hintOf(near) })
  }
  throw new OperatingError(`history answers ${response.status}: ${await response.text()}`, {
    where: url,
  })
}

function hintOf(near: readonly string[]): string {
  if (near.length > 0) return `did you mean ${near.join(' or ')}?`
  return `${howToFind}; a cart of the last seconds may not be there yet`
}

async function reach(address: string, url: string): Promise<Response> {
  try {
    return await fetch(address)
  } catch (error) {
    throw new OperatingError(`history does not answer: ${messageOf(error)}`, {
      where: url,
      hint: 'start it with `slipway start`, or name it with --history',
      cause: error,
    })
  }
}

// `slipway groups [GROUP]`: the consumer groups of a broker and their lag; with --reset where one is to go on.

import { describeError, exitCodeOf, UsageError } from '../../base/errors.ts'
import { optionsHelp, parseOptions } from '../../base/options.ts'
import type { OptionTable } from '../../base/options.ts'
import { carryOut, groupPartitionRows, groupRows, plannedMoves } from './groups.ts'
import { parseResetTarget } from './offset-reset.ts'
import { inspectOptions, withBroker } from './options.ts'
import { printRows } from './print.ts'

const table = {
  ...inspectOptions,
  reset: {
    type: 'string',
    value: 'WHERE',
    help: 'where GROUP is to go on: earliest, latest, an offset, +N, -N or a time; only shown, unless --execute',
  },
  topic: {
    type: 'string',
    value: 'TOPIC',
    help: 'reset this topic alone, all its partitions; otherwise what the group has committed',
  },
  execute: { type: 'flag', help: 'do it; the group must have no members' },
} as const satisfies OptionTable

const usage = `slipway groups [GROUP] [options]

The consumer groups of a broker: ours, or any that speaks Kafka's protocol. With GROUP its partitions, how far each is
committed, and who reads it.

${optionsHelp(table)}
`

try {
  const { options, positionals, help } = parseOptions(table, process.argv.slice(2), process.env)
  if (help) process.stdout.write(usage)
  else process.stdout.write(await answer(options, positionals))
} catch (error) {
  process.stderr.write(`groups: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}

type Options = ReturnType<typeof parseOptions<typeof table>>['options']

function answer(options: Options, [group, ...more]: readonly string[]): Promise<string> {
  if (more.length > 0) throw new UsageError('name one group, or none', { where: more.join(' ') })
  const { reset, topic, execute } = options
  if (reset === undefined) {
    if (execute || topic !== undefined) {
      throw new UsageError('--topic and --execute belong to --reset', {
        hint: 'say where the group is to go on, for example --reset earliest',
      })
    }
    return withBroker(options, async (reach) => {
      const rows = await (group === undefined ? groupRows(reach) : groupPartitionRows(reach, group))
      if (rows.length === 0) process.stderr.write('there is nothing to show\n')
      return printRows(rows, options)
    })
  }
  if (group === undefined) {
    throw new UsageError('--reset needs the name of a group', {
      hint: '`slipway groups` lists them',
    })
  }
  return resetGroup(group, reset, options)
}

function resetGroup(group: string, where: string, options: Options): Promise<string> {
  const target = parseResetTarget(where)
  return withBroker(options, async (reach) => {
    const moves = await plannedMoves(reach.admin, group, { target, topic: options.topic })
    if (moves.length === 0) {
      throw new UsageError(`group "${group}" has committed nothing`, {
        hint: 'name the topic with --topic',
      })
    }
    if (options.execute) await carryOut(reach, group, moves)
    const what = options.execute ? 'set' : 'nothing was changed; --execute does it'
    process.stderr.write(`${what}\n`)
    return printRows(
      moves.map((move) => ({ group, ...move })),
      options,
    )
  })
}

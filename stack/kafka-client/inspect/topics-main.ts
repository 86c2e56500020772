// `slipway topics [TOPIC]`: what topics a broker has, or the partitions of one.

import { describeError, exitCodeOf, UsageError } from '../../base/errors.ts'
import { optionsHelp, parseOptions } from '../../base/options.ts'
import { inspectOptions, withBroker } from './options.ts'
import { printRows } from './print.ts'
import { partitionRows, topicRows } from './topics.ts'

const usage = `slipway topics [TOPIC] [options]

The topics of a broker: ours, or any that speaks Kafka's protocol. With TOPIC its partitions with their offsets.

${optionsHelp(inspectOptions)}
`

try {
  const { options, positionals, help } = parseOptions(
    inspectOptions,
    process.argv.slice(2),
    process.env,
  )
  if (help) process.stdout.write(usage)
  else {
    const [topic, ...more] = positionals
    if (more.length > 0) throw new UsageError('name one topic, or none', { where: more.join(' ') })
    const rows = await withBroker(options, ({ admin }) =>
      topic === undefined ? topicRows(admin) : partitionRows(admin, topic),
    )
    process.stdout.write(printRows(rows, options))
    if (rows.length === 0) process.stderr.write('there are no topics\n')
  }
} catch (error) {
  process.stderr.write(`topics: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}

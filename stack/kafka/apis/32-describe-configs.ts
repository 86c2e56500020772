// DescribeConfigs, versions 0-4 (1: synonyms; 3: types and documentation; 4: flexible): every setting of a topic or of
// this broker, with its source. A list of wanted names narrows it.

import type { BrokerServices } from '../broker.ts'
import { describeBrokerConfigs } from '../broker-configs.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeConfigs } from '../protocol/messages/topics.ts'
import type { ConfigDescription } from '../topics/topic-configs.ts'
import { describeTopicConfigs } from '../topics/topic-configs.ts'
import { topicNameFault } from '../topics/topic-names.ts'
import { resourceTypes } from './resource-types.ts'
import { route } from './route.ts'

interface Asked {
  type: number
  name: string
  keys: string[] | null
}

interface Described {
  errorCode: number
  errorMessage: string | null
  configs: ConfigDescription[]
}

export default route(describeConfigs, (request, { services }) => ({
  throttleTimeMs: 0,
  results: request.resources.map((asked) => {
    const described = describe(asked, services)
    const configs = described.configs.map((config) => ({
      ...config,
      synonyms: request.includeSynonyms ? config.synonyms : [],
      documentation: request.includeDocumentation ? config.documentation : null,
    }))
    return { ...described, type: asked.type, name: asked.name, configs }
  }),
}))

function describe({ type, name, keys }: Asked, services: BrokerServices): Described {
  const { catalog, cluster } = services
  if (type === resourceTypes.topic) {
    const nameFault = topicNameFault(name)
    if (nameFault !== undefined) return refused(errorCodes.INVALID_TOPIC_EXCEPTION, nameFault)
    const topic = catalog.byName(name)
    if (!topic) return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `no topic "${name}"`)
    return found(describeTopicConfigs(topic.configs, catalog.brokerConfigs, keys))
  }
  // An empty name asks for the defaults of all brokers that were set while they ran: none can be.
  if (type === resourceTypes.broker && name === '') return found([])
  if (type === resourceTypes.broker && name === String(cluster.self.id)) {
    return found(describeBrokerConfigs(services, keys))
  }
  return refused(errorCodes.INVALID_REQUEST, `there is no resource "${name}" of type ${type}`)
}

function found(configs: ConfigDescription[]): Described {
  return { errorCode: errorCodes.NONE, errorMessage: null, configs }
}

function refused(errorCode: number, errorMessage: string): Described {
  return { errorCode, errorMessage, configs: [] }
}

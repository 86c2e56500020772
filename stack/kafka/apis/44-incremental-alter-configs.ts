// IncrementalAlterConfigs, versions 0-1 (1: flexible): single settings of a topic are set, deleted, or, where they are
// lists, appended to and subtracted from. The broker's own settings are given at start.

import { incrementalAlterConfigs } from '../protocol/messages/topics.ts'
import { resourceTypes, unchangeable } from './resource-types.ts'
import { route } from './route.ts'

export default route(incrementalAlterConfigs, async (request, { services: { catalog } }) => ({
  throttleTimeMs: 0,
  responses: await Promise.all(
    request.resources.map(async ({ type, name, configs }) => {
      const outcome =
        type === resourceTypes.topic
          ? await catalog.changeConfigs(name, configs, request.validateOnly)
          : unchangeable(type)
      return { ...outcome, type, name }
    }),
  ),
}))

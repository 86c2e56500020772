// AlterConfigs, versions 0-2 (2: flexible): the whole list of a topic's settings; what is not named goes back to its
// default. The broker's own settings are given at start.

import { alterConfigs } from '../protocol/messages/topics.ts'
import { resourceTypes, unchangeable } from './resource-types.ts'
import { route } from './route.ts'

export default route(alterConfigs, async (request, { services: { catalog } }) => ({
  throttleTimeMs: 0,
  responses: await Promise.all(
    request.resources.map(async ({ type, name, configs }) => {
      const outcome =
        type === resourceTypes.topic
          ? await catalog.replaceConfigs(name, configs, request.validateOnly)
          : unchangeable(type)
      return { ...outcome, type, name }
    }),
  ),
}))

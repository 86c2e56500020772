// Topics and their settings.

import { api } from '../api.ts'
import { between, since, struct } from '../struct.ts'
import {
  array,
  boolean,
  int16,
  int32,
  int8,
  nullableArray,
  nullableString,
  string,
  uuid,
} from '../types.ts'

export const createTopics = api(
  19,
  'CreateTopics',
  { versions: [0, 7], flexibleFrom: 5 },
  {
    request: struct({
      topics: array(
        struct({
          name: string,
          partitionCount: int32,
          replicationFactor: int16,
          assignments: array(struct({ index: int32, brokerIds: array(int32) })),
          configs: array(struct({ name: string, value: nullableString })),
        }),
      ),
      timeoutMs: int32,
      validateOnly: since(1, boolean),
    }),
    response: struct({
      throttleTimeMs: since(2, int32),
      topics: array(
        struct({
          name: string,
          topicId: since(7, uuid),
          errorCode: int16,
          errorMessage: since(1, nullableString),
          partitionCount: since(5, int32, -1),
          replicationFactor: since(5, int16, -1),
          configs: since(
            5,
            nullableArray(
              struct({
                name: string,
                value: nullableString,
                readOnly: boolean,
                source: int8,
                isSensitive: boolean,
              }),
            ),
          ),
        }),
      ),
    }),
  },
)

export const deleteTopics = api(
  20,
  'DeleteTopics',
  { versions: [0, 6], flexibleFrom: 4 },
  {
    request: struct({
      topics: since(6, array(struct({ name: nullableString, topicId: uuid }))),
      names: between(0, 5, array(string)),
      timeoutMs: int32,
    }),
    response: struct({
      throttleTimeMs: since(1, int32),
      responses: array(
        struct({
          name: nullableString,
          topicId: since(6, uuid),
          errorCode: int16,
          errorMessage: since(5, nullableString),
        }),
      ),
    }),
  },
)

export const createPartitions = api(
  37,
  'CreatePartitions',
  { versions: [0, 3], flexibleFrom: 2 },
  {
    request: struct({
      topics: array(
        struct({
          name: string,
          count: int32,
          assignments: nullableArray(struct({ brokerIds: array(int32) })),
        }),
      ),
      timeoutMs: int32,
      validateOnly: boolean,
    }),
    response: struct({
      throttleTimeMs: int32,
      results: array(struct({ name: string, errorCode: int16, errorMessage: nullableString })),
    }),
  },
)

export const describeConfigs = api(
  32,
  'DescribeConfigs',
  { versions: [0, 4], flexibleFrom: 4 },
  {
    request: struct({
      resources: array(struct({ type: int8, name: string, keys: nullableArray(string) })),
      includeSynonyms: since(1, boolean),
      includeDocumentation: since(3, boolean),
    }),
    response: struct({
      throttleTimeMs: int32,
      results: array(
        struct({
          errorCode: int16,
          errorMessage: nullableString,
          type: int8,
          name: string,
          configs: array(
            struct({
              name: string,
              value: nullableString,
              readOnly: boolean,
              isDefault: between(0, 0, boolean),
              source: since(1, int8, -1),
              isSensitive: boolean,
              synonyms: since(
                1,
                array(struct({ name: string, value: nullableString, source: int8 })),
              ),
              configType: since(3, int8),
              documentation: since(3, nullableString),
            }),
          ),
        }),
      ),
    }),
  },
)

const alterResponse = struct({
  throttleTimeMs: int32,
  responses: array(
    struct({ errorCode: int16, errorMessage: nullableString, type: int8, name: string }),
  ),
})

export const alterConfigs = api(
  33,
  'AlterConfigs',
  { versions: [0, 2], flexibleFrom: 2 },
  {
    request: struct({
      resources: array(
        struct({
          type: int8,
          name: string,
          configs: array(struct({ name: string, value: nullableString })),
        }),
      ),
      validateOnly: boolean,
    }),
    response: alterResponse,
  },
)

export const incrementalAlterConfigs = api(
  44,
  'IncrementalAlterConfigs',
  { versions: [0, 1], flexibleFrom: 1 },
  {
    request: struct({
      resources: array(
        struct({
          type: int8,
          name: string,
          configs: array(struct({ name: string, operation: int8, value: nullableString })),
        }),
      ),
      validateOnly: boolean,
    }),
    response: alterResponse,
  },
)

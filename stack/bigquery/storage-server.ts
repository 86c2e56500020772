// The gRPC server of Storage Write: methods to streams, refusals to statuses. What is wrong with an append is told in the
// answer, as the live service does; the connection goes on.

import { createRequire } from 'node:module'
import { Metadata, status } from '@grpc/grpc-js'
import type {
  sendUnaryData,
  ServerDuplexStream,
  ServerUnaryCall,
  ServiceDefinition,
  UntypedHandleCall,
} from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import protobuf from 'protobufjs/minimal.js'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { listenGrpc } from '../grpc/server.ts'
import type { RunningGrpcServer } from '../grpc/server.ts'
import type { Faults } from './faults.ts'
import { Refused } from './refused.ts'
import type { ProtoDescriptor } from './row-messages.ts'
import type { Field } from './schema.ts'
import { StreamRefused, WriteStreams } from './write-streams.ts'
import type { StreamType, WriteStream } from './write-streams.ts'

const require = createRequire(import.meta.url)
/** Requests of ten million bytes are ours to refuse, not gRPC's. */
const transportBytes = 12_000_000
const requestBytesMax = 10_000_000

interface AppendRequest {
  writeStream: string
  offset: { value: string } | null
  protoRows: {
    writerSchema: { protoDescriptor: ProtoDescriptor } | null
    rows: { serializedRows: Uint8Array[] } | null
  } | null
}

interface Context {
  streams: WriteStreams
  faults: Faults
  logger: Logger
  clock: Clock
}

type Handler = (request: Record<string, unknown>) => Promise<object> | object

export async function listenStorage(
  context: Context,
  host: string,
  port: number,
): Promise<RunningGrpcServer> {
  const json = require('@google-cloud/bigquery-storage/build/protos/protos.json') as Parameters<
    typeof fromJSON
  >[0]
  const loaded = fromJSON(json, { longs: String, enums: Number, defaults: true, arrays: true })
  const service = loaded['google.cloud.bigquery.storage.v1.BigQueryWrite'] as ServiceDefinition
  const methods: Record<string, UntypedHandleCall> = {}
  for (const [name, handler] of Object.entries(handlersOf(context)))
    methods[name] = unary(name, handler, context) as UntypedHandleCall
  const owners = new Map<string, AppendCall>()
  methods['AppendRows'] = ((call: AppendCall) =>
    appending(call, context, owners)) as UntypedHandleCall
  const { clock } = context
  const services: [ServiceDefinition, typeof methods][] = [[service, methods]]
  return listenGrpc({ services, messageBytesMax: transportBytes, host, port, clock })
}

const types: readonly (StreamType | undefined)[] = [undefined, 'COMMITTED', 'PENDING', 'BUFFERED']

function handlersOf({ streams }: Context): Record<string, Handler> {
  return {
    CreateWriteStream: async ({ parent, writeStream }) => {
      const type = types[(writeStream as { type: number } | null)?.type ?? 0]
      if (!type)
        throw new StreamRefused(status.INVALID_ARGUMENT, 0, 'Stream type must be specified.')
      const stream = await streams.create(parent as string, type)
      return { ...streamBody(stream), ...schemaOf(stream) }
    },
    GetWriteStream: ({ name, view }) => {
      const text = name as string
      const stream = text.endsWith('/_default') ? undefined : streams.get(text)
      return {
        ...(stream ? streamBody(stream) : { name: text, type: types.indexOf('COMMITTED') }),
        location: 'us',
        ...(view === fullView && schemaOf(stream ?? streams.tableOf(text))),
      }
    },
    FinalizeWriteStream: async ({ name }) => ({ rowCount: await streams.finalize(name as string) }),
    FlushRows: async ({ writeStream, offset }) => {
      const { value = '0' } = (offset ?? {}) as { value?: string }
      await streams.flush(writeStream as string, Number(value))
      return { offset: value }
    },
    BatchCommitWriteStreams: async ({ parent, writeStreams }) => {
      const errors = await streams.commit(parent as string, writeStreams as string[])
      if (errors.length > 0)
        return {
          streamErrors: errors.map(({ storageCode, entity, message }) => ({
            code: storageCode,
            entity,
            errorMessage: message,
          })),
        }
      return { commitTime: timeOf(streams.warehouse.clock.now()) }
    },
  }
}

function unary(method: string, handler: Handler, context: Context) {
  return (
    call: ServerUnaryCall<Record<string, unknown>, object>,
    callback: sendUnaryData<object>,
  ): void => {
    const { parent, name, writeStream } = call.request
    const resource = [parent, name, writeStream].find((each) => typeof each === 'string') ?? ''
    context.faults
      .around({ method, resource }, () => handler(call.request))
      .then(
        (answer) => callback(null, answer),
        (error: unknown) => callback(statusOf(error, context, method)),
      )
  }
}

function statusOf(error: unknown, { logger }: Context, method: string) {
  // A planned fault carries the number of a gRPC status.
  if (error instanceof Refused)
    return { code: error.code, details: error.message, metadata: new Metadata() }
  if (error instanceof StreamRefused)
    return { code: error.code, details: error.message, metadata: new Metadata() }
  logger.error('a call failed', { method, error: messageOf(error) })
  return { code: status.INTERNAL, details: messageOf(error), metadata: new Metadata() }
}

type AppendCall = ServerDuplexStream<AppendRequest, object>

/** Requests of a connection are done one after another. The stream and the descriptor stand in the first, and may change. */
function appending(call: AppendCall, context: Context, owners: Map<string, AppendCall>): void {
  let stream = ''
  let descriptor: ProtoDescriptor | undefined
  let known: readonly Field[] | undefined
  let last = Promise.resolve()
  const over = (): void => {
    if (owners.get(stream) === call) owners.delete(stream)
  }
  const own = (): void => {
    // An application's stream has one connection: the newest.
    if (stream.endsWith('/_default')) return
    const other = owners.get(stream)
    owners.set(stream, call)
    if (other && other !== call)
      other.emit('error', {
        code: status.ABORTED,
        details: 'Another connection writes to this stream.',
      })
  }
  const answer = async (request: AppendRequest): Promise<void> => {
    if (request.writeStream !== '') stream = request.writeStream
    descriptor = request.protoRows?.writerSchema?.protoDescriptor ?? descriptor
    own()
    try {
      const response = await context.faults.around({ method: 'AppendRows', resource: stream }, () =>
        appended(request, stream, descriptor, context),
      )
      const { fields } = context.streams.tableOf(stream)
      const isNew = known !== undefined && fields.length > known.length
      known = fields
      call.write({
        ...response,
        writeStream: stream,
        ...(isNew && { updatedSchema: { fields: fields.map(schemaField) } }),
      })
    } catch (error) {
      over()
      call.emit('error', statusOf(error, context, 'AppendRows'))
    }
  }
  call.on('data', (request: AppendRequest) => {
    last = last.then(() => answer(request))
  })
  call.on('end', () => {
    over()
    void last.then(() => call.end())
  })
  call.on('cancelled', over)
}

async function appended(
  request: AppendRequest,
  stream: string,
  descriptor: ProtoDescriptor | undefined,
  { streams }: Context,
): Promise<object> {
  const rows = request.protoRows?.rows?.serializedRows ?? []
  try {
    if (!descriptor)
      throw new StreamRefused(
        status.INVALID_ARGUMENT,
        0,
        'The first request must have a writer schema.',
        stream,
      )
    if (rows.reduce((sum, row) => sum + row.length, 0) > requestBytesMax) {
      throw new StreamRefused(
        status.INVALID_ARGUMENT,
        0,
        'AppendRows request too large: the limit is 10 MB',
        stream,
      )
    }
    const offset = request.offset === null ? undefined : Number(request.offset.value)
    const first = await streams.append({ stream, offset, descriptor, rows })
    return { appendResult: first === undefined ? {} : { offset: { value: first } } }
  } catch (error) {
    if (!(error instanceof StreamRefused)) throw error
    const { code, message, storageCode, entity, rowErrors } = error
    const detail = protobuf.Writer.create()
      .uint32(8)
      .int32(storageCode)
      .uint32(18)
      .string(entity)
      .uint32(26)
      .string(message)
      .finish()
    const details =
      storageCode === 0
        ? []
        : [
            {
              type_url: 'type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError',
              value: detail,
            },
          ]
    return { error: { code, message, details }, rowErrors }
  }
}

/** Of GetWriteStream: with the schema, which else is left out. */
const fullView = 2

function streamBody({ name, type, createdMs }: WriteStream): object {
  return {
    name,
    type: types.indexOf(type),
    createTime: timeOf(createdMs),
    ...(type === 'COMMITTED' && { commitTime: timeOf(createdMs) }),
  }
}

const schemaOf = ({ fields }: { fields: readonly Field[] }): object => ({
  tableSchema: { fields: fields.map(schemaField) },
})

const timeOf = (ms: number): object => ({
  seconds: Math.floor(ms / 1000),
  nanos: (ms % 1000) * 1_000_000,
})

const fieldTypes = [
  '',
  'STRING',
  'INTEGER',
  'FLOAT',
  'RECORD',
  'BYTES',
  'BOOLEAN',
  'TIMESTAMP',
  'DATE',
  'TIME',
  'DATETIME',
  'GEOGRAPHY',
  'NUMERIC',
  'BIGNUMERIC',
  'INTERVAL',
  'JSON',
]
const modes = ['', 'NULLABLE', 'REQUIRED', 'REPEATED']

function schemaField({ name, type, mode, fields }: Field): object {
  return {
    name,
    type: fieldTypes.indexOf(type),
    mode: modes.indexOf(mode),
    fields: (fields ?? []).map(schemaField),
  }
}

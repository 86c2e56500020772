// The contract on other Pub/Sub stand-ins, which `../shared/tools/pubsub/start` starts: the fake inside Google's Go client
// and Google's own emulator. What they do not keep is listed by reason: where they differ, the live service's
// documentation is on our side.

import { describe } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { freePort, startPeer } from '../base/peer.ts'
import { pubsubContract } from './pubsub.contract.ts'

type Differences = Readonly<Record<string, readonly string[]>>

const onEither: Differences = {
  'it would take twelve minutes: its clock is the real one': [
    'a message that is not acknowledged is dropped after the retention of its subscription',
  ],
}

const ofPstest: Differences = {
  'it leaves a stream open whose subscription is gone': [
    'a stream of a subscription that is deleted ends with not found',
  ],
  'it takes what the live service refuses': [
    'a topic cannot be named ab',
    'a topic cannot be named aaaaaaaaaaaa',
    'a topic cannot be named 1st',
    'a topic cannot be named goog-mine',
    'a topic cannot be named sp ace',
    'a topic cannot be named a/b',
    'a name without its collection is refused',
    'an update names the fields it changes',
    'nothing at all is no message',
    'no messages are no request',
    'one bad message refuses the whole request',
    '1,000 messages are taken, 1,001 are not',
    'two ordering keys in one request are refused',
    'an ordering key of 1,025 bytes is refused',
    '101 attributes is refused',
    'an attribute key of 257 bytes is refused',
    'an attribute value of 1,025 bytes is refused',
    'an attribute that begins with goog is refused',
    'an attribute without a key is refused',
    'a subscription cannot be named like a topic',
    'an ack deadline of 9 s is refused',
    'an expiry after an hour is refused',
    'a back-off over 600 s is refused',
    'a least back-off above the most is refused',
    'a filter that is none is refused',
    'a filter over 256 bytes is refused',
    'a push endpoint that is no address is refused',
    'a dead letter after 4 attempts is refused',
    'a dead letter after 101 attempts is refused',
    'filter cannot be changed',
    'a pull of nothing is refused',
    'a deadline over 600 s is refused',
    'an ack id that is none is refused',
    'AND and OR need parentheses between them',
  ],
  'it lists by the beginning of a name': [
    'a project does not see the topics of another whose name begins with its own',
  ],
  'it takes no request over 4 MB, and the client tries again without end': [
    'a request over 10 MB is refused by the service',
  ],
  'it has no defaults': ['defaults are those of the service'],
  'it answers UNKNOWN, and the client tries again without end': [
    'an ack deadline of 601 s is refused',
  ],
  'it does not say that it is detached': ['a detached one gives nothing any more and says so'],
  'it acknowledges by one that comes too late': [
    'an acknowledgement that comes too late is taken without a word',
  ],
  'it hands out one message of a key at a time, and loses the order on a nack': [
    'messages of a key come in order',
    'while one of a key is out, another pull gets nothing of the key',
    'when one fails, all behind it follow again, in order',
    'when a deadline passes, all behind it follow again, in order',
    'one that was acknowledged before an earlier one failed comes again',
  ],
  'it knows no retry policy': [
    'a retry policy delays a nacked message, twice as long each time',
    'the delay of a message holds its key',
  ],
  'it does not say where a dead letter was': [
    'after its last attempt a message goes to the dead-letter topic, and says where it was',
  ],
  'it hands out one message of a key at a time': ['a dead letter lets its key go on'],
  'it knows no quoted attribute in a filter': [
    'attributes."kafka.topic" = "orders" lets through d',
    'attributes:blue OR attributes."kafka.topic" = "orders" lets through b, c, d',
  ],
  'it ends with a panic on a Pull after a seek, and has no snapshots': [
    'a seek back brings acknowledged messages again where they are retained',
    'a seek back brings nothing again where nothing is retained',
    'a new subscription on a topic that retains can seek to what was before it',
    'a snapshot brings back what was not acknowledged when it was made, and what came after',
    'a snapshot serves another subscription of the topic',
    'a snapshot of another topic is refused',
    'a seek to a snapshot that is not there is not found',
    'snapshots are listed and deleted',
  ],
  'it has no result of each acknowledgement': [
    'one that comes too late fails for good, by name',
    'of several, those in time succeed although another fails',
  ],
  'it answers no keepalive, and ends no stream for what it is asked': [
    'the first answer tells of what kind the subscription is',
    'an empty request is answered at once',
    'acknowledgements on the stream count',
    'the subscription in a later request ends the stream',
    'flow control in a later request ends the stream',
    'lists of deadlines that differ in length ends the stream',
    'an ack deadline of 9 s ends the stream',
    'an ack id that is none ends the stream',
    'a first deadline of 9 s ends the stream',
    'a half-closed stream ends well',
    'a detached subscription ends its streams',
    'no more are out than it allows, and each acknowledgement lets one through',
    'a key stays on the stream where messages of it are out',
    'messages without a key are spread over streams',
  ],
}

const ofGoogle: Differences = {
  'it knows no labels in an update mask': ['labels and retention can be updated'],
  'it takes what the live service refuses': [
    'a request over 10 MB is refused by the service',
    'two ordering keys in one request are refused',
    'an ordering key of 1,025 bytes is refused',
    '101 attributes is refused',
    'an attribute key of 257 bytes is refused',
    'an attribute without a key is refused',
    'an attribute value of 1,025 bytes is refused',
    'an attribute that begins with goog is refused',
    'an ack deadline of 9 s is refused',
    'an expiry after an hour is refused',
    'a filter that is none is refused',
    'a filter over 256 bytes is refused',
    'a deadline over 600 s is refused',
  ],
  'it has no default of the retention': ['defaults are those of the service'],
  'it refuses it as OUT_OF_RANGE': [
    'a dead letter after 4 attempts is refused',
    'a dead letter after 101 attempts is refused',
  ],
  'it begins with what the topic retains': ['also on a topic that retains, it begins empty'],
  'it cannot detach': ['a detached one gives nothing any more and says so'],
  'it acknowledges by one that comes too late': [
    'an acknowledgement that comes too late is taken without a word',
  ],
  'it loses order on a nack': [
    'when one fails, all behind it follow again, in order',
    'one that was acknowledged before an earlier one failed comes again',
    'a dead letter lets its key go on',
  ],
  'it knows no retry policy': [
    'a retry policy delays a nacked message, twice as long each time',
    'the delay of a message holds its key',
  ],
  'it applies no filter': [
    'attributes:red lets through a, b, d',
    'NOT attributes:red lets through c',
    '-attributes:red lets through c',
    'attributes.red = "1" lets through a',
    'attributes.red != "1" lets through b, c, d',
    'hasPrefix(attributes.red, "2") lets through b, d',
    'attributes."kafka.topic" = "orders" lets through d',
    'attributes:red AND attributes:blue lets through b',
    'attributes:blue OR attributes."kafka.topic" = "orders" lets through b, c, d',
    'attributes:red AND (attributes:blue OR attributes.red = "1") lets through a, b',
    'AND and OR need parentheses between them',
  ],
  'it has no result of each acknowledgement': ['one that comes too late fails for good, by name'],
  'it answers no keepalive, and ends no stream for what it is asked': [
    'the first answer tells of what kind the subscription is',
    'an empty request is answered at once',
    'acknowledgements on the stream count',
    'the subscription in a later request ends the stream',
    'flow control in a later request ends the stream',
    'lists of deadlines that differ in length ends the stream',
    'an ack deadline of 9 s ends the stream',
    'an ack id that is none ends the stream',
    'a half-closed stream ends well',
    'a detached subscription ends its streams',
    'a key stays on the stream where messages of it are out',
    'messages without a key are spread over streams',
  ],
  'it has no flow control': [
    'no more are out than it allows, and each acknowledgement lets one through',
  ],
  'it hands out again what was acknowledged': [
    'messages arrive, are acknowledged, and do not come again',
  ],
}

for (const [kind, differences] of Object.entries({ pstest: ofPstest, google: ofGoogle })) {
  const args = ['--kind', kind, '--port', String(await freePort())]
  const peer = await startPeer('pubsub/start', args, process.env['SLIPWAY_SHARED'])
  describe.skipIf(peer === undefined)(`beside ours, ${kind}`, () => {
    pubsubContract({
      name: kind,
      start: async () => ({
        address: peer?.addresses[0] ?? '',
        close: async () => peer?.close(),
      }),
      pass: (ms) => systemClock.sleep(ms),
      knownDifferences: byName({ ...onEither, ...differences }),
    })
  })
}

function byName(differences: Differences): Record<string, string> {
  const pairs = Object.entries(differences).flatMap(([reason, names]) =>
    names.map((name) => [name, reason]),
  )
  return Object.fromEntries(pairs) as Record<string, string>
}

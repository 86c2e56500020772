# confluent-kafka, Python's face of librdkafka, any version from 1.9.

import confluent_kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from contract import Record, Unsupported, brokers, by_broker, main, patience_s, session_timeout_ms

where = {'bootstrap.servers': brokers}
admin = AdminClient(where)


class Librdkafka:
    codecs = ['gzip', 'snappy', 'lz4', 'zstd']
    assignors = ['range', 'cooperative-sticky', *([by_broker] if confluent_kafka.libversion()[1] >= 0x020C0000 else [])]
    has_static_members = True
    errors = {
        'exists': 'TOPIC_ALREADY_EXISTS',
        'unknown topic': 'UNKNOWN_TOPIC_OR_PART',
        'setting': 'INVALID_CONFIG',
        'too large': 'MSG_SIZE_TOO_LARGE',
        'fenced': '_FENCED',
    }

    def name_of_error(self, error):
        # 2.16 raises a fatal error within a SystemError.
        error = error.__cause__ or error
        return error.args[0].name() if isinstance(error, KafkaException) else repr(error)

    def create_topic(self, topic, partitions, settings):
        done(admin.create_topics([NewTopic(topic, partitions, 1, config=settings)]))

    def delete_topic(self, topic):
        done(admin.delete_topics([topic]))

    def topics(self):
        return admin.list_topics(timeout=patience_s).topics

    def partitions(self, topic):
        return len(self.topics()[topic].partitions)

    def delete_records(self, topic, partition, offset):
        if not hasattr(admin, 'delete_records'):
            raise Unsupported('this version deletes no records')
        done(admin.delete_records([TopicPartition(topic, partition, offset)]))

    def producer(self, codec='none', idempotent=False, transactional_id=None):
        return OneProducer(codec, idempotent, transactional_id)

    def consumer(self, group='none', committed=False, instance=None, assignor='range', max_records=500):
        return OneConsumer(group, committed, instance, assignor, max_records)


class OneProducer:
    def __init__(self, codec, idempotent, transactional_id):
        settings = {'acks': 'all', 'compression.type': codec, 'enable.idempotence': idempotent}
        if transactional_id:
            settings |= {'enable.idempotence': True, 'transactional.id': transactional_id}
        self.producer = Producer(where | settings)
        self.failures = []
        if transactional_id:
            self.producer.init_transactions(patience_s)

    def send(self, topic, value, partition=0, timestamp_ms=0):
        self.producer.produce(topic, value, partition=partition, timestamp=timestamp_ms, on_delivery=self.delivered)

    def delivered(self, error, _message):
        if error:
            self.failures.append(KafkaException(error))

    def flush(self):
        self.producer.flush(patience_s)
        if self.failures:
            raise self.failures.pop()

    def begin(self):
        self.producer.begin_transaction()

    def commit(self):
        self.producer.commit_transaction(patience_s)

    def abort(self):
        self.producer.abort_transaction(patience_s)

    def send_offsets(self, consumer, topic, partition, offset):
        offsets = [TopicPartition(topic, partition, offset)]
        group = consumer.consumer.consumer_group_metadata()
        self.producer.send_offsets_to_transaction(offsets, group, patience_s)

    def drop(self):
        self.producer.purge()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.producer.flush(patience_s)


class OneConsumer:
    def __init__(self, group, committed, instance, assignor, max_records):
        settings = {
            'group.id': group,
            'auto.offset.reset': 'earliest',
            'enable.auto.commit': False,
            'isolation.level': 'read_committed' if committed else 'read_uncommitted',
        }
        if assignor == by_broker:
            settings['group.protocol'] = 'consumer'
        else:
            settings |= {
                'session.timeout.ms': session_timeout_ms,
                'heartbeat.interval.ms': 500,
                'partition.assignment.strategy': assignor,
            }
        if instance:
            settings['group.instance.id'] = instance
        self.consumer = Consumer(where | settings)
        self.max_records = max_records

    def assign(self, topic, partitions):
        begin = confluent_kafka.OFFSET_BEGINNING
        self.consumer.assign([TopicPartition(topic, partition, begin) for partition in partitions])

    def subscribe(self, topic):
        self.consumer.subscribe([topic])

    def assignment(self):
        return [each.partition for each in self.consumer.assignment()]

    def seek_to_time(self, topic, partition, time_ms):
        at = self.consumer.offsets_for_times([TopicPartition(topic, partition, time_ms)], timeout=patience_s)
        self.consumer.assign(at)

    def poll(self, seconds):
        messages = self.consumer.consume(self.max_records, seconds)
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
        return [Record(m.partition(), m.offset(), m.value(), m.timestamp()[1]) for m in messages]

    def commit(self, topic, partition, offset):
        self.consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()


def done(futures):
    for future in futures.values():
        future.result(patience_s)


if __name__ == '__main__':
    main(Librdkafka())

# kafka-python, a client without any C.

import kafka.errors
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor

from contract import Record, brokers, main, patience_s, session_timeout_ms

where = {'bootstrap_servers': brokers.split(',')}
admin = KafkaAdminClient(**where)
assignors = {'range': RangePartitionAssignor, 'cooperative-sticky': CooperativeStickyAssignor}


class KafkaPython:
    codecs = ['gzip', 'snappy', 'lz4', 'zstd']
    assignors = list(assignors)
    has_static_members = True
    errors = {
        'exists': 'TopicAlreadyExistsError',
        'unknown topic': 'UnknownTopicOrPartitionError',
        'setting': 'InvalidConfigurationError',
        'too large': 'MessageSizeTooLargeError',
        'fenced': 'InvalidProducerEpochError',
    }

    def name_of_error(self, error):
        return f'{type(error).__name__} {error!r}'

    def create_topic(self, topic, partitions, settings):
        wanted = {'num_partitions': partitions, 'replication_factor': 1, 'configs': settings}
        admin.create_topics({topic: wanted})

    def delete_topic(self, topic):
        admin.delete_topics([topic])

    def topics(self):
        return admin.list_topics()

    def partitions(self, topic):
        return len(admin.describe_topics([topic])[0]['partitions'])

    def delete_records(self, topic, partition, offset):
        admin.delete_records({TopicPartition(topic, partition): offset})

    def producer(self, codec='none', idempotent=False, transactional_id=None):
        return OneProducer(codec, idempotent, transactional_id)

    def consumer(self, group=None, committed=False, instance=None, assignor='range', max_records=500):
        return OneConsumer(group, committed, instance, assignor, max_records)


class OneProducer:
    def __init__(self, codec, idempotent, transactional_id):
        settings = {'acks': 'all', 'compression_type': None if codec == 'none' else codec}
        settings['enable_idempotence'] = idempotent or transactional_id is not None
        if transactional_id:
            settings['transactional_id'] = transactional_id
        self.producer = KafkaProducer(**where, **settings)
        self.sent = []
        if transactional_id:
            self.producer.init_transactions()

    def send(self, topic, value, partition=0, timestamp_ms=None):
        self.sent.append(self.producer.send(topic, value.encode(), partition=partition, timestamp_ms=timestamp_ms))

    def flush(self):
        sent, self.sent = self.sent, []
        for future in sent:
            future.get(patience_s)

    def begin(self):
        self.producer.begin_transaction()

    def commit(self):
        self.producer.commit_transaction()

    def abort(self):
        self.producer.abort_transaction()

    def send_offsets(self, consumer, topic, partition, offset):
        offsets = {TopicPartition(topic, partition): OffsetAndMetadata(offset, '', -1)}
        self.producer.send_offsets_to_transaction(offsets, consumer.consumer.group_metadata())

    def drop(self):
        self.producer.close(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.producer.close(patience_s)


class OneConsumer:
    def __init__(self, group, committed, instance, assignor, max_records):
        settings = {'group_instance_id': instance} if instance else {}
        self.consumer = KafkaConsumer(
            **where,
            **settings,
            group_id=group,
            auto_offset_reset='earliest',
            enable_auto_commit=False,
            isolation_level='read_committed' if committed else 'read_uncommitted',
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=500,
            max_poll_records=max_records,
            partition_assignment_strategy=[assignors[assignor]],
        )

    def assign(self, topic, partitions):
        self.consumer.assign([TopicPartition(topic, partition) for partition in partitions])

    def subscribe(self, topic):
        self.consumer.subscribe([topic])

    def assignment(self):
        return [each.partition for each in self.consumer.assignment()]

    def seek_to_time(self, topic, partition, time_ms):
        at = TopicPartition(topic, partition)
        self.consumer.seek(at, self.consumer.offsets_for_times({at: time_ms})[at].offset)

    def poll(self, seconds):
        polled = self.consumer.poll(timeout_ms=int(seconds * 1000))
        return [Record(r.partition, r.offset, r.value, r.timestamp) for some in polled.values() for r in some]

    def commit(self, topic, partition, offset):
        self.consumer.commit({TopicPartition(topic, partition): OffsetAndMetadata(offset, '', -1)})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()


if __name__ == '__main__':
    main(KafkaPython())

# aiokafka, a client without any C that runs on asyncio: its loop has a thread of its own, so that it goes on between calls.

import asyncio
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import for_code

from contract import Record, brokers, main, patience_s, session_timeout_ms

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def wait(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(patience_s)


async def started(make):
    client = make()
    await client.start()
    return client


admin = wait(started(lambda: AIOKafkaAdminClient(bootstrap_servers=brokers)))


class Aiokafka:
    codecs = ['gzip', 'snappy', 'lz4', 'zstd']
    assignors = ['range']
    has_static_members = True
    errors = {
        'exists': 'TopicAlreadyExistsError',
        'unknown topic': 'UnknownTopicOrPartitionError',
        'setting': 'InvalidConfigurationError',
        'too large': 'MessageSizeTooLargeError',
        'fenced': 'ProducerFenced',
    }

    def name_of_error(self, error):
        return type(error).__name__

    def create_topic(self, topic, partitions, settings):
        new = NewTopic(topic, partitions, 1, topic_configs=settings)
        raise_for(wait(admin.create_topics([new])).topic_errors)

    def delete_topic(self, topic):
        raise_for(wait(admin.delete_topics([topic])).topic_error_codes)

    def topics(self):
        return wait(admin.list_topics())

    def partitions(self, topic):
        return len(wait(admin.describe_topics([topic]))[0]['partitions'])

    def delete_records(self, topic, partition, offset):
        wait(admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)}))

    def producer(self, codec='none', idempotent=False, transactional_id=None):
        return OneProducer(codec, idempotent, transactional_id)

    def consumer(self, group=None, committed=False, instance=None, assignor='range', max_records=500):
        return OneConsumer(group, committed, instance, max_records)


class OneProducer:
    def __init__(self, codec, idempotent, transactional_id):
        settings = {'acks': 'all', 'compression_type': None if codec == 'none' else codec}
        settings['enable_idempotence'] = idempotent or transactional_id is not None
        if transactional_id:
            settings['transactional_id'] = transactional_id
        self.producer = wait(started(lambda: AIOKafkaProducer(bootstrap_servers=brokers, **settings)))
        self.sent = []

    def send(self, topic, value, partition=0, timestamp_ms=None):
        send = self.producer.send(topic, value.encode(), partition=partition, timestamp_ms=timestamp_ms)
        self.sent.append(wait(send))

    def flush(self):
        sent, self.sent = self.sent, []
        for future in sent:
            wait(settled(future))

    def begin(self):
        wait(self.producer.begin_transaction())

    def commit(self):
        wait(self.producer.commit_transaction())

    def abort(self):
        wait(self.producer.abort_transaction())

    def send_offsets(self, consumer, topic, partition, offset):
        offsets = {TopicPartition(topic, partition): offset}
        wait(self.producer.send_offsets_to_transaction(offsets, consumer.group))

    def drop(self):
        """Whoever was fenced cannot be closed in order; the process ends soon."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        wait(self.producer.stop())


class OneConsumer:
    def __init__(self, group, committed, instance, max_records):
        settings = {'group_instance_id': instance} if instance else {}
        self.group = group
        self.consumer = wait(
            started(
                lambda: AIOKafkaConsumer(
                    bootstrap_servers=brokers,
                    **settings,
                    group_id=group,
                    auto_offset_reset='earliest',
                    enable_auto_commit=False,
                    isolation_level='read_committed' if committed else 'read_uncommitted',
                    session_timeout_ms=session_timeout_ms,
                    heartbeat_interval_ms=500,
                    max_poll_records=max_records,
                    partition_assignment_strategy=[RangePartitionAssignor],
                )
            )
        )

    def assign(self, topic, partitions):
        self.on_loop(self.consumer.assign, [TopicPartition(topic, partition) for partition in partitions])

    def subscribe(self, topic):
        self.on_loop(self.consumer.subscribe, [topic])

    def assignment(self):
        return [each.partition for each in self.consumer.assignment()]

    def seek_to_time(self, topic, partition, time_ms):
        at = TopicPartition(topic, partition)
        found = wait(self.consumer.offsets_for_times({at: time_ms}))[at]
        self.on_loop(self.consumer.seek, at, found.offset)

    def poll(self, seconds):
        polled = wait(self.consumer.getmany(timeout_ms=int(seconds * 1000)))
        return [Record(r.partition, r.offset, r.value, r.timestamp) for some in polled.values() for r in some]

    def commit(self, topic, partition, offset):
        wait(self.consumer.commit({TopicPartition(topic, partition): offset}))

    def on_loop(self, action, *arguments):
        async def act():
            action(*arguments)

        wait(act())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        wait(self.consumer.stop())


async def settled(future):
    return await future


def raise_for(outcomes):
    for _, code, *_ in outcomes:
        if code:
            raise for_code(code)


if __name__ == '__main__':
    main(Aiokafka())

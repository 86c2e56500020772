# What a broker owes a client of Python, in the client's own terms: a client hands in how it does each thing (see any of the
# others in this folder), and each scenario becomes a line `pass`, `fail` or `skip`, its name, what went wrong.
# BROKERS says where the broker is; arguments are the scenarios to run. `member TOPIC GROUP INSTANCE ASSIGNOR` is a member
# of a group in a process of its own, so that it can be killed.

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import uuid

brokers = os.environ.get('BROKERS', '127.0.0.1:9092')
patience_s = 90
session_timeout_ms = 10_000
# Instead of an assignor of the client's: the group protocol of KIP-848.
by_broker = 'by the broker'


class Unsupported(Exception):
    """The client has no such thing."""


class Record:
    def __init__(self, partition, offset, value, timestamp_ms):
        self.partition, self.offset, self.timestamp_ms = partition, offset, timestamp_ms
        self.value = value.decode()


scenarios = {}


def scenario(run):
    scenarios[run.__name__] = run
    return run


def main(client):
    if sys.argv[1:2] == ['member']:
        return be_member(client, *sys.argv[2:])
    chosen = sys.argv[1:] or list(scenarios)
    for name in chosen:
        try:
            scenarios[name](client)
            tell('pass', name)
        except Unsupported as reason:
            tell('skip', name, reason)
        except Exception as error:
            traceback.print_exc()
            tell('fail', name, f'{type(error).__name__} {error}')
    # Threads of a client that could not be closed hold up no one.
    sys.stdout.flush()
    os._exit(0)


def tell(result, name, why=''):
    print(result, name, ' '.join(str(why).split())[:300], flush=True)


# Topics and errors


@scenario
def topics(client):
    topic = fresh(client, 3)
    eventually(lambda: topic in client.topics())
    client.delete_topic(topic)
    eventually(lambda: topic not in client.topics())


@scenario
def named_errors(client):
    topic = fresh(client, 1, {'max.message.bytes': '2000'})
    refused(client, 'exists', lambda: client.create_topic(topic, 1, {}))
    refused(client, 'unknown topic', lambda: client.delete_topic(name_of('absent')))
    refused(client, 'setting', lambda: client.create_topic(name_of('bad'), 1, {'cleanup.policy': 'no'}))
    with client.producer() as producer:
        refused(client, 'too large', lambda: send_all(producer, topic, ['x' * 5000]))
        send_all(producer, topic, ['small'])
    same(values(read(client, topic, 1)), ['small'])


@scenario
def records_are_deleted(client):
    topic = fresh(client)
    with client.producer() as producer:
        send_all(producer, topic, numbered(10))
    client.delete_records(topic, 0, 7)
    same(values(read(client, topic, 3)), numbered(10)[7:])


# Records


@scenario
def codecs(client):
    topic = fresh(client, kind='codecs')
    expected = []
    for codec in ['none'] + client.codecs:
        some = [f'{codec} {i} ' + 'word ' * 40 for i in range(200)]
        with client.producer(codec=codec) as producer:
            send_all(producer, topic, some)
        expected += some
    same(values(read(client, topic, len(expected))), expected)


@scenario
def idempotent_producer(client):
    topic = fresh(client, 3)
    with client.producer(idempotent=True) as producer:
        for i in range(600):
            producer.send(topic, str(i), partition=i % 3)
        producer.flush()
    same(sorted(values(read(client, topic, 600)), key=int), numbered(600))


@scenario
def seek_by_time(client):
    topic = fresh(client)
    now_ms = int(time.time() * 1000)
    with client.producer(codec='gzip') as producer:
        for i in range(100):
            producer.send(topic, str(i), timestamp_ms=now_ms + i * 1000)
        producer.flush()
    with client.consumer() as consumer:
        consumer.assign(topic, [0])
        # Between two records, inside a batch.
        consumer.seek_to_time(topic, 0, now_ms + 59_500)
        same(values(poll_until(consumer, 40)), numbered(100)[60:])


# Groups


@scenario
def commit_and_resume(client):
    topic, group = fresh(client), name_of('group')
    with client.producer() as producer:
        send_all(producer, topic, numbered(20))
    with client.consumer(group=group, max_records=5) as consumer:
        consumer.subscribe(topic)
        first = poll_until(consumer, 5)
        consumer.commit(topic, 0, first[-1].offset + 1)
    with client.consumer(group=group) as consumer:
        consumer.subscribe(topic)
        rest = poll_until(consumer, 20 - len(first))
    same(values(first) + values(rest), numbered(20))


@scenario
def group_of_three(client):
    three_members(client, client.assignors[0])


@scenario
def group_cooperative_sticky(client):
    if 'cooperative-sticky' not in client.assignors:
        raise Unsupported('the client has no cooperative assignor')
    three_members(client, 'cooperative-sticky')


@scenario
def group_assigned_by_the_broker(client):
    if by_broker not in client.assignors:
        raise Unsupported('the client does not speak KIP-848')
    three_members(client, by_broker)


def three_members(client, assignor):
    """They join, one leaves, one is killed: each partition has one owner, every record is seen."""
    topic, group = fresh(client, 6), name_of('group')
    with client.producer() as producer, Members(topic, group, assignor) as members:
        first, second, third = members.start(), members.start(), members.start()
        members.share(6, [first, second, third])
        send_spread(producer, topic, range(60), 6)
        members.see(range(60))
        third.leave()
        members.share(6, [first, second])
        send_spread(producer, topic, range(60, 120), 6)
        members.see(range(120))
        second.kill()
        send_spread(producer, topic, range(120, 180), 6)
        members.share(6, [first])
        members.see(range(180))


@scenario
def static_member_comes_back(client):
    if not client.has_static_members:
        raise Unsupported('the client has no static members')
    topic, group = fresh(client, 4), name_of('group')
    with client.producer() as producer, Members(topic, group, client.assignors[0]) as members:
        stays, returns = members.start('one'), members.start('two')
        members.share(4, [stays, returns])
        held, changes = returns.assignment, stays.changes
        returns.kill()
        again = members.start('two')
        eventually(lambda: again.assignment == held)
        send_spread(producer, topic, range(40), 4)
        members.see(range(40))
        same(stays.changes, changes)


# Transactions


@scenario
def transactions(client):
    topic = fresh(client)
    with client.producer(transactional_id=name_of('id')) as producer:
        for name, ends in [('a', True), ('b', False), ('c', True)]:
            producer.begin()
            for i in range(5):
                producer.send(topic, f'{name}{i}')
            producer.flush()
            producer.commit() if ends else producer.abort()
    committed = [f'{name}{i}' for name in 'ac' for i in range(5)]
    same(values(read(client, topic, 10, committed=True)), committed)
    same(len(read(client, topic, 15)), 15)


@scenario
def open_transaction_is_hidden(client):
    topic = fresh(client)
    with client.producer() as plain, client.producer(transactional_id=name_of('id')) as producer:
        send_all(plain, topic, ['before'])
        producer.begin()
        send_all(producer, topic, ['within'])
        send_all(plain, topic, ['after'])
        with client.consumer(committed=True) as consumer:
            consumer.assign(topic, [0])
            same(values(poll_for(consumer, 3)), ['before'])
            producer.commit()
            same(values(poll_until(consumer, 2)), ['within', 'after'])


@scenario
def offsets_in_a_transaction(client):
    source, target, group = fresh(client), fresh(client), name_of('group')
    with client.producer() as producer:
        send_all(producer, source, numbered(40))
    for end in ['abort', 'commit']:
        with client.producer(transactional_id=name_of('id')) as producer:
            with client.consumer(group=group, committed=True) as consumer:
                consumer.subscribe(source)
                got = poll_until(consumer, 40)
                producer.begin()
                for record in got:
                    producer.send(target, record.value)
                producer.send_offsets(consumer, source, 0, 40)
                producer.commit() if end == 'commit' else producer.abort()
    same(values(read(client, target, 40, committed=True)), numbered(40))
    with client.consumer(group=group) as consumer:
        consumer.subscribe(source)
        same(values(poll_for(consumer, 4)), [])


@scenario
def zombie_is_fenced(client):
    topic, transactional_id = fresh(client), name_of('id')
    old = client.producer(transactional_id=transactional_id)
    old.begin()
    send_all(old, topic, ['of the old one'])
    with client.producer(transactional_id=transactional_id) as new:
        new.begin()
        send_all(new, topic, ['of the new one'])
        new.commit()

        def go_on():
            send_all(old, topic, ['too late'])
            old.commit()

        refused(client, 'fenced', go_on)
    same(values(read(client, topic, 1, committed=True)), ['of the new one'])
    old.drop()


# Members in processes of their own


def be_member(client, topic, group, instance, assignor):
    is_leaving = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_leaving.set())
    with client.consumer(group=group, instance=instance or None, assignor=assignor) as consumer:
        consumer.subscribe(topic)
        assignment = None
        while not is_leaving.is_set():
            records = consumer.poll(0.2)
            now = sorted(consumer.assignment())
            if now != assignment:
                assignment = now
                print(json.dumps({'assignment': now}), flush=True)
            for record in records:
                print(json.dumps({'value': record.value}), flush=True)
            for partition in {record.partition for record in records}:
                last = max(record.offset for record in records if record.partition == partition)
                try:
                    consumer.commit(topic, partition, last + 1)
                except Exception as error:
                    # A rebalance came between: whoever is next reads them once more.
                    print(json.dumps({'commit': str(error)}), file=sys.stderr, flush=True)
    os._exit(0)


class Member:
    def __init__(self, arguments):
        self.assignment, self.changes, self.seen = [], 0, []
        self.process = subprocess.Popen(
            [sys.executable, sys.argv[0], 'member', *arguments], stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if 'value' in told:
                self.seen.append(told['value'])
            else:
                self.assignment, self.changes = told['assignment'], self.changes + 1

    def leave(self):
        self.process.terminate()
        self.process.wait(patience_s)

    def kill(self):
        self.process.kill()
        self.process.wait(patience_s)


class Members:
    def __init__(self, topic, group, assignor):
        self.topic, self.group, self.assignor, self.all = topic, group, assignor, []

    def start(self, instance=''):
        self.all.append(Member([self.topic, self.group, instance, self.assignor]))
        return self.all[-1]

    def share(self, partitions, members):
        def held():
            return [partition for member in members for partition in member.assignment]

        # Each has a share, and none is held twice.
        eventually(
            lambda: sorted(held()) == list(range(partitions)) and all(m.assignment for m in members),
            lambda: [member.assignment for member in members],
        )

    def see(self, numbers):
        wanted = {str(number) for number in numbers}
        eventually(
            lambda: {value for member in self.all for value in list(member.seen)} == wanted,
            lambda: wanted - {value for member in self.all for value in member.seen},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.all:
            if member.process.poll() is None:
                member.process.kill()


# Small things


def name_of(kind):
    return f'{kind}-{uuid.uuid4().hex[:12]}'


def numbered(count):
    return [str(i) for i in range(count)]


def fresh(client, partitions=1, settings={}, kind='topic'):
    topic = name_of(kind)
    client.create_topic(topic, partitions, settings)
    eventually(lambda: topic in client.topics())
    return topic


def send_all(producer, topic, some):
    for value in some:
        producer.send(topic, value)
    producer.flush()


def send_spread(producer, topic, numbers, partitions):
    for number in numbers:
        producer.send(topic, str(number), partition=number % partitions)
    producer.flush()


def values(records):
    return [record.value for record in records]


def read(client, topic, count, committed=False):
    """All partitions from the beginning until so many came, and a moment longer, in case there are more."""
    with client.consumer(committed=committed) as consumer:
        consumer.assign(topic, range(client.partitions(topic)))
        return poll_until(consumer, count) + poll_for(consumer, 1)


def poll_until(consumer, count):
    records, end = [], time.monotonic() + patience_s
    while len(records) < count:
        if time.monotonic() > end:
            raise AssertionError(f'{len(records)} of {count} records came')
        records += consumer.poll(0.5)
    return records


def poll_for(consumer, seconds):
    records, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        records += consumer.poll(0.2)
    return records


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f'wanted {str(wanted)[:120]}, got {str(got)[:120]}')


def refused(client, why, action):
    wanted = client.errors[why]
    try:
        action()
    except Exception as error:
        if wanted not in client.name_of_error(error):
            raise AssertionError(f'{why}: wanted {wanted}, got {client.name_of_error(error)}') from error
        return
    raise AssertionError(f'{why}: was not refused')


def eventually(holds, state=lambda: ''):
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f'did not come about: {state()}')
        time.sleep(0.1)

// What a broker owes Java's own client: the scenarios of contract.py, by the same names. Prints `pass` or `fail`, the
// scenario, what went wrong. BROKERS says where the broker is; arguments are the scenarios to run. `member TOPIC GROUP
// INSTANCE ASSIGNOR` is a member of a group in a process of its own, so that it can be killed.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

class KafkaClients {
  static final String brokers = System.getenv().getOrDefault("BROKERS", "127.0.0.1:9092");
  static final Duration patience = Duration.ofSeconds(90);
  /** Instead of an assignor of the client: the group protocol of KIP-848. */
  static final String BY_BROKER = "by the broker";
  static Admin admin;

  interface Scenario {
    void run() throws Exception;
  }

  static final Map<String, Scenario> scenarios = new LinkedHashMap<>();

  static {
    scenarios.put("topics", KafkaClients::topics);
    scenarios.put("named_errors", KafkaClients::namedErrors);
    scenarios.put("records_are_deleted", KafkaClients::recordsAreDeleted);
    scenarios.put("settings_and_groups", KafkaClients::settingsAndGroups);
    scenarios.put("codecs", KafkaClients::codecs);
    scenarios.put("idempotent_producer", KafkaClients::idempotentProducer);
    scenarios.put("seek_by_time", KafkaClients::seekByTime);
    scenarios.put("commit_and_resume", KafkaClients::commitAndResume);
    scenarios.put("group_of_three", () -> threeMembers(RangeAssignor.class.getName()));
    scenarios.put("group_cooperative_sticky", () -> threeMembers(CooperativeStickyAssignor.class.getName()));
    scenarios.put("group_assigned_by_the_broker", () -> threeMembers(BY_BROKER));
    scenarios.put("static_member_comes_back", KafkaClients::staticMemberComesBack);
    scenarios.put("transactions", KafkaClients::transactions);
    scenarios.put("open_transaction_is_hidden", KafkaClients::openTransactionIsHidden);
    scenarios.put("offsets_in_a_transaction", KafkaClients::offsetsInATransaction);
    scenarios.put("zombie_is_fenced", KafkaClients::zombieIsFenced);
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length > 0 && arguments[0].equals("member")) {
      beMember(arguments[1], arguments[2], arguments[3], arguments[4]);
      return;
    }
    admin = Admin.create(Map.of("bootstrap.servers", brokers));
    for (var name : arguments.length > 0 ? List.of(arguments) : List.copyOf(scenarios.keySet())) {
      try {
        scenarios.get(name).run();
        System.out.println("pass " + name);
      } catch (Throwable error) {
        error.printStackTrace();
        System.out.println("fail " + name + " " + String.valueOf(error).replaceAll("\\s+", " "));
      }
    }
    // Threads of a client that could not be closed hold up no one.
    Runtime.getRuntime().halt(0);
  }

  // Topics, settings, errors

  static void topics() throws Exception {
    var topic = fresh(3);
    same(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size(), 3);
    admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
    eventually(() -> admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 5);
    admin.deleteTopics(List.of(topic)).all().get();
    eventually(() -> !admin.listTopics().names().get().contains(topic));
  }

  static void namedErrors() throws Exception {
    var topic = fresh(1, Map.of("max.message.bytes", "2000"));
    refused(TopicExistsException.class, () -> create(topic, 1, Map.of()));
    refused(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(name("absent"))).all().get());
    refused(InvalidConfigurationException.class, () -> create(name("bad"), 1, Map.of("cleanup.policy", "no")));
    try (var producer = producer(Map.of())) {
      refused(RecordTooLargeException.class, () -> send(producer, topic, List.of("x".repeat(5000))));
      send(producer, topic, List.of("small"));
    }
    same(values(read(topic, 1, false)), List.of("small"));
    try (var consumer = consumer(Map.of("auto.offset.reset", "none"))) {
      var partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seek(partition, 77);
      refused(org.apache.kafka.clients.consumer.OffsetOutOfRangeException.class, () -> pollUntil(consumer, 1));
    }
  }

  static void recordsAreDeleted() throws Exception {
    var topic = fresh(1);
    try (var producer = producer(Map.of())) {
      send(producer, topic, numbered(0, 10));
    }
    var partition = new TopicPartition(topic, 0);
    var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(7)));
    same(deleted.lowWatermarks().get(partition).get().lowWatermark(), 7L);
    same(values(read(topic, 3, false)), numbered(7, 10));
  }

  static void settingsAndGroups() throws Exception {
    var topic = fresh(1);
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    var set = new AlterConfigOp(new ConfigEntry("retention.ms", "60000"), AlterConfigOp.OpType.SET);
    admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
    eventually(() -> admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("60000"));
    var group = name("group");
    var partition = new TopicPartition(topic, 0);
    admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3, "note"))).all().get();
    var held = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
    same(List.of(held.offset(), held.metadata()), List.of(3L, "note"));
    if (admin.listGroups().all().get().stream().noneMatch(each -> each.groupId().equals(group)))
      throw new AssertionError("the group is not listed");
    admin.deleteConsumerGroups(List.of(group)).all().get();
    refused(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    if (admin.describeCluster().nodes().get().isEmpty()) throw new AssertionError("no nodes");
  }

  // Records

  static void codecs() throws Exception {
    var topic = fresh("codecs", 1, Map.of());
    var expected = new ArrayList<String>();
    for (var codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      var some = IntStream.range(0, 200).mapToObj(i -> codec + " " + i + " word".repeat(40)).toList();
      try (var producer = producer(Map.of("compression.type", codec))) {
        send(producer, topic, some);
      }
      expected.addAll(some);
    }
    same(values(read(topic, expected.size(), false)), expected);
  }

  static void idempotentProducer() throws Exception {
    var topic = fresh(3);
    try (var producer = producer(Map.of("enable.idempotence", "true"))) {
      spread(producer, topic, 0, 600, 3);
    }
    var seen = values(read(topic, 600, false)).stream().sorted(Comparator.comparing(Integer::valueOf)).toList();
    same(seen, numbered(0, 600));
  }

  static void seekByTime() throws Exception {
    var topic = fresh(1);
    var partition = new TopicPartition(topic, 0);
    long now = System.currentTimeMillis();
    try (var producer = producer(Map.of("compression.type", "gzip", "linger.ms", "100"))) {
      for (int i = 0; i < 100; i++)
        producer.send(new ProducerRecord<>(topic, 0, now + i * 1000L, null, String.valueOf(i)));
    }
    try (var consumer = consumer(Map.of())) {
      consumer.assign(List.of(partition));
      // Between two records, inside a batch.
      var found = consumer.offsetsForTimes(Map.of(partition, now + 59_500)).get(partition);
      consumer.seek(partition, found.offset());
      same(values(pollUntil(consumer, 40)), numbered(60, 100));
    }
  }

  // Groups

  static void commitAndResume() throws Exception {
    var topic = fresh(1);
    var group = name("group");
    try (var producer = producer(Map.of())) {
      send(producer, topic, numbered(0, 20));
    }
    var seen = new ArrayList<String>();
    try (var consumer = consumer(Map.of("group.id", group, "max.poll.records", "5"))) {
      consumer.subscribe(List.of(topic));
      seen.addAll(values(pollUntil(consumer, 5)));
      consumer.commitSync();
    }
    try (var consumer = consumer(Map.of("group.id", group))) {
      consumer.subscribe(List.of(topic));
      seen.addAll(values(pollUntil(consumer, 20 - seen.size())));
    }
    same(seen, numbered(0, 20));
  }

  /** They join, one leaves, one is killed: each partition has one owner, every record is seen. */
  static void threeMembers(String assignor) throws Exception {
    var topic = fresh(6);
    try (var producer = producer(Map.of()); var members = new Members(topic, assignor)) {
      var first = members.start("");
      var second = members.start("");
      var third = members.start("");
      members.share(6, first, second, third);
      spread(producer, topic, 0, 60, 6);
      members.see(60);
      third.end(false);
      members.share(6, first, second);
      spread(producer, topic, 60, 120, 6);
      members.see(120);
      second.end(true);
      spread(producer, topic, 120, 180, 6);
      members.share(6, first);
      members.see(180);
    }
  }

  static void staticMemberComesBack() throws Exception {
    var topic = fresh(4);
    try (var producer = producer(Map.of()); var members = new Members(topic, RangeAssignor.class.getName())) {
      var stays = members.start("one");
      var returns = members.start("two");
      members.share(4, stays, returns);
      var held = returns.assignment;
      var changes = stays.changes;
      returns.end(true);
      var again = members.start("two");
      eventually(() -> again.assignment.equals(held));
      spread(producer, topic, 0, 40, 4);
      members.see(40);
      same(stays.changes, changes);
    }
  }

  // Transactions

  static void transactions() throws Exception {
    var topic = fresh(1);
    try (var producer = producer(Map.of("transactional.id", name("id")))) {
      producer.initTransactions();
      for (var each : List.of("a", "b", "c")) {
        producer.beginTransaction();
        send(producer, topic, IntStream.range(0, 5).mapToObj(i -> each + i).toList());
        if (each.equals("b")) producer.abortTransaction();
        else producer.commitTransaction();
      }
    }
    var committed = Stream.of("a", "c").flatMap(each -> IntStream.range(0, 5).mapToObj(i -> each + i)).toList();
    same(values(read(topic, 10, true)), committed);
    same(read(topic, 15, false).size(), 15);
  }

  static void openTransactionIsHidden() throws Exception {
    var topic = fresh(1);
    try (var plain = producer(Map.of());
        var producer = producer(Map.of("transactional.id", name("id")));
        var consumer = consumer(Map.of("isolation.level", "read_committed"))) {
      send(plain, topic, List.of("before"));
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, topic, List.of("within"));
      send(plain, topic, List.of("after"));
      consumer.assign(List.of(new TopicPartition(topic, 0)));
      same(values(pollFor(consumer, Duration.ofSeconds(3))), List.of("before"));
      producer.commitTransaction();
      same(values(pollUntil(consumer, 2)), List.of("within", "after"));
    }
  }

  static void offsetsInATransaction() throws Exception {
    var source = fresh(1);
    var target = fresh(1);
    var group = name("group");
    try (var producer = producer(Map.of())) {
      send(producer, source, numbered(0, 40));
    }
    for (boolean commits : List.of(false, true)) {
      try (var producer = producer(Map.of("transactional.id", name("id")));
          var consumer = consumer(Map.of("group.id", group, "isolation.level", "read_committed"))) {
        producer.initTransactions();
        consumer.subscribe(List.of(source));
        var got = pollUntil(consumer, 40);
        producer.beginTransaction();
        send(producer, target, values(got));
        var offsets = Map.of(new TopicPartition(source, 0), new OffsetAndMetadata(40));
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (commits) producer.commitTransaction();
        else producer.abortTransaction();
      }
    }
    same(values(read(target, 40, true)), numbered(0, 40));
    try (var consumer = consumer(Map.of("group.id", group))) {
      consumer.subscribe(List.of(source));
      same(pollFor(consumer, Duration.ofSeconds(4)).size(), 0);
    }
  }

  static void zombieIsFenced() throws Exception {
    var topic = fresh(1);
    var id = name("id");
    try (var old = producer(Map.of("transactional.id", id)); var young = producer(Map.of("transactional.id", id))) {
      old.initTransactions();
      old.beginTransaction();
      send(old, topic, List.of("of the old one"));
      young.initTransactions();
      young.beginTransaction();
      send(young, topic, List.of("of the new one"));
      young.commitTransaction();
      refused(InvalidProducerEpochException.class, () -> send(old, topic, List.of("too late")));
      refused(ProducerFencedException.class, old::abortTransaction);
    }
    same(values(read(topic, 1, true)), List.of("of the new one"));
  }

  // Members in processes of their own

  static void beMember(String topic, String group, String instance, String assignor) throws Exception {
    var isLeaving = new AtomicBoolean();
    var main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      isLeaving.set(true);
      try {
        main.join();
      } catch (InterruptedException ignored) {
        // The process ends either way.
      }
    }));
    var settings = new HashMap<>(Map.of("group.id", group));
    if (assignor.equals(BY_BROKER)) settings.put("group.protocol", "consumer");
    else settings.put("partition.assignment.strategy", assignor);
    if (!instance.isEmpty()) settings.put("group.instance.id", instance);
    try (var consumer = consumer(settings)) {
      consumer.subscribe(List.of(topic));
      String told = null;
      while (!isLeaving.get()) {
        var records = consumer.poll(Duration.ofMillis(200));
        var now = consumer.assignment().stream().map(TopicPartition::partition).sorted().map(String::valueOf).collect(Collectors.joining(" "));
        if (!now.equals(told)) System.out.println("assignment " + (told = now));
        for (var record : records) System.out.println("value " + record.value());
        try {
          consumer.commitSync();
        } catch (CommitFailedException | RebalanceInProgressException error) {
          // A rebalance came between: whoever is next reads them once more.
        }
      }
    }
  }

  static class Member {
    final Process process;
    volatile List<Integer> assignment = List.of();
    volatile int changes = 0;
    final Set<String> seen = ConcurrentHashMap.newKeySet();

    Member(String... arguments) throws Exception {
      var command = new ArrayList<>(List.of("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"), "KafkaClients", "member"));
      command.addAll(List.of(arguments));
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      var follower = new Thread(this::follow);
      follower.setDaemon(true);
      follower.start();
    }

    void follow() {
      new BufferedReader(new InputStreamReader(process.getInputStream())).lines().forEach(line -> {
        var told = line.split(" ");
        if (told[0].equals("value")) seen.add(told[1]);
        else if (told[0].equals("assignment")) {
          assignment = Arrays.stream(told).skip(1).map(Integer::valueOf).toList();
          changes++;
        }
      });
    }

    void end(boolean kills) throws Exception {
      if (kills) process.destroyForcibly();
      else process.destroy();
      process.waitFor();
    }
  }

  static class Members implements AutoCloseable {
    final String topic;
    final String assignor;
    final String group = name("group");
    final List<Member> all = new ArrayList<>();

    Members(String topic, String assignor) {
      this.topic = topic;
      this.assignor = assignor;
    }

    Member start(String instance) throws Exception {
      all.add(new Member(topic, group, instance, assignor));
      return all.get(all.size() - 1);
    }

    /** Each has a share, and none is held twice. */
    void share(int partitions, Member... members) throws Exception {
      var wanted = IntStream.range(0, partitions).boxed().toList();
      eventually(() -> {
        var held = Arrays.stream(members).flatMap(each -> each.assignment.stream()).sorted().toList();
        return held.equals(wanted) && Arrays.stream(members).noneMatch(each -> each.assignment.isEmpty());
      });
    }

    void see(int count) throws Exception {
      var wanted = new HashSet<>(numbered(0, count));
      eventually(() -> all.stream().flatMap(each -> each.seen.stream()).collect(Collectors.toSet()).equals(wanted));
    }

    @Override
    public void close() {
      for (var member : all) member.process.destroyForcibly();
    }
  }

  // Small things

  static String name(String kind) {
    return kind + "-" + UUID.randomUUID().toString().substring(0, 13);
  }

  static List<String> numbered(int from, int to) {
    return IntStream.range(from, to).mapToObj(String::valueOf).toList();
  }

  static void create(String topic, int partitions, Map<String, String> settings) throws Exception {
    admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(settings))).all().get();
  }

  static String fresh(int partitions) throws Exception {
    return fresh(partitions, Map.of());
  }

  static String fresh(int partitions, Map<String, String> settings) throws Exception {
    return fresh("topic", partitions, settings);
  }

  static String fresh(String kind, int partitions, Map<String, String> settings) throws Exception {
    var topic = name(kind);
    create(topic, partitions, settings);
    eventually(() -> admin.listTopics().names().get().contains(topic));
    return topic;
  }

  static KafkaProducer<String, String> producer(Map<String, String> settings) {
    var all = new HashMap<String, Object>(Map.of("bootstrap.servers", brokers, "acks", "all"));
    all.putAll(settings);
    return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(Map<String, String> settings) {
    var all = new HashMap<String, Object>(Map.of("bootstrap.servers", brokers, "auto.offset.reset", "earliest", "enable.auto.commit", "false", "session.timeout.ms", "10000", "heartbeat.interval.ms", "500"));
    all.putAll(settings);
    // Then these are for the broker to say.
    if ("consumer".equals(settings.get("group.protocol"))) all.keySet().removeAll(List.of("session.timeout.ms", "heartbeat.interval.ms"));
    return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
  }

  static void send(Producer<String, String> producer, String topic, List<String> values) throws Exception {
    var sent = values.stream().map(value -> producer.send(new ProducerRecord<>(topic, 0, null, value))).toList();
    producer.flush();
    for (var each : sent) each.get();
  }

  static void spread(Producer<String, String> producer, String topic, int from, int to, int partitions) throws Exception {
    var sent = IntStream.range(from, to).mapToObj(i -> producer.send(new ProducerRecord<>(topic, i % partitions, null, String.valueOf(i)))).toList();
    producer.flush();
    for (var each : sent) each.get();
  }

  static List<String> values(List<ConsumerRecord<String, String>> records) {
    return records.stream().map(ConsumerRecord::value).toList();
  }

  /** All partitions from the beginning until so many came, and a moment longer, in case there are more. */
  static List<ConsumerRecord<String, String>> read(String topic, int count, boolean committed) throws Exception {
    try (var consumer = consumer(Map.of("isolation.level", committed ? "read_committed" : "read_uncommitted"))) {
      consumer.assign(consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition())).toList());
      var records = pollUntil(consumer, count);
      records.addAll(pollFor(consumer, Duration.ofSeconds(1)));
      return records;
    }
  }

  static List<ConsumerRecord<String, String>> pollUntil(Consumer<String, String> consumer, int count) {
    var records = new ArrayList<ConsumerRecord<String, String>>();
    for (long end = System.nanoTime() + patience.toNanos(); records.size() < count;) {
      if (System.nanoTime() > end) throw new AssertionError(records.size() + " of " + count + " records came");
      consumer.poll(Duration.ofMillis(500)).forEach(records::add);
    }
    return records;
  }

  static List<ConsumerRecord<String, String>> pollFor(Consumer<String, String> consumer, Duration time) {
    var records = new ArrayList<ConsumerRecord<String, String>>();
    for (long end = System.nanoTime() + time.toNanos(); System.nanoTime() < end;)
      consumer.poll(Duration.ofMillis(200)).forEach(records::add);
    return records;
  }

  static void same(Object got, Object wanted) {
    if (!got.equals(wanted)) throw new AssertionError("wanted " + shortened(wanted) + ", got " + shortened(got));
  }

  static String shortened(Object value) {
    var text = String.valueOf(value);
    return text.substring(0, Math.min(120, text.length()));
  }

  static void refused(Class<? extends Exception> wanted, Scenario action) throws Exception {
    try {
      action.run();
    } catch (Exception error) {
      var cause = error instanceof ExecutionException ? error.getCause() : error;
      if (!wanted.isInstance(cause)) throw new AssertionError("wanted " + wanted.getSimpleName() + ", got " + cause);
      return;
    }
    throw new AssertionError("wanted " + wanted.getSimpleName() + ", but it was done");
  }

  static void eventually(Callable<Boolean> holds) throws Exception {
    for (long end = System.nanoTime() + patience.toNanos(); !holds.call(); Thread.sleep(100))
      if (System.nanoTime() > end) throw new AssertionError("did not come about");
  }
}

// Kafka Streams on a broker: session windows with exactly_once_v2, by an application in a process of its own that is
// killed in the middle of its work and then also closed in order. Each record that it reads updates one session: so
// read_committed must show as many updates as there were records, and the sessions that are left in the end are the
// expected ones, with their counts.
// Prints `pass` or `fail`, the scenario, what went wrong. `application INPUT OUTPUT ID STATE` is the application.

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.CountDownLatch;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;

class KafkaStreamsSessions {
  static final String brokers = System.getenv().getOrDefault("BROKERS", "127.0.0.1:9092");
  static final Duration gap = Duration.ofSeconds(30);
  static final Duration patience = Duration.ofMinutes(5);
  static final int partitions = 3;
  static final int records = 3000;

  public static void main(String[] arguments) throws Exception {
    if (arguments.length > 0 && arguments[0].equals("application")) {
      run(arguments[1], arguments[2], arguments[3], arguments[4]);
      return;
    }
    for (var name : List.of("streams_sessions_exactly_once", "streams_sessions_through_kill_and_restart")) {
      try {
        sessions(name.endsWith("restart"));
        System.out.println("pass " + name);
      } catch (Throwable error) {
        error.printStackTrace();
        System.out.println("fail " + name + " " + String.valueOf(error).replaceAll("\\s+", " "));
      }
    }
    Runtime.getRuntime().halt(0);
  }

  // The application

  /** Counts the records of each key's sessions; a session that grows is deleted under its old bounds first. */
  static void run(String input, String output, String id, String state) throws Exception {
    var builder = new StreamsBuilder();
    builder
        .stream(input, Consumed.with(Serdes.String(), Serdes.String()))
        .groupByKey()
        .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(gap))
        .count()
        .toStream()
        .map((key, count) -> KeyValue.pair(key.key() + " " + key.window().start() + " " + key.window().end(), count == null ? null : count.toString()))
        .to(output, Produced.with(Serdes.String(), Serdes.String()));
    var settings = new Properties();
    settings.putAll(Map.of("application.id", id, "bootstrap.servers", brokers, "processing.guarantee", "exactly_once_v2",
        "commit.interval.ms", "100", "statestore.cache.max.bytes", "0", "state.dir", state, "num.stream.threads", "2"));
    settings.putAll(Map.of("consumer.session.timeout.ms", "6000", "consumer.heartbeat.interval.ms", "500",
        "consumer.auto.offset.reset", "earliest", "producer.transaction.timeout.ms", "10000"));
    var streams = started(builder.build(), settings);
    var isEnded = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      streams.close(Duration.ofSeconds(20));
      isEnded.countDown();
    }));
    isEnded.await();
  }

  /** A kill while RocksDB makes a store leaves one that cannot be opened: then local state is made anew from the changelog. */
  static KafkaStreams started(Topology topology, Properties settings) {
    var streams = new KafkaStreams(topology, settings);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    try {
      streams.start();
      return streams;
    } catch (ProcessorStateException error) {
      System.err.println("local state is made anew: " + error);
      streams.close();
      streams.cleanUp();
      return started(topology, settings);
    }
  }

  static Process start(String... arguments) throws Exception {
    var command = new ArrayList<>(List.of("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"),
        "-cp", System.getProperty("java.class.path"), "KafkaStreamsSessions", "application"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  // What is expected of it

  record Event(String key, long time) {}

  /** Visitors in order of time, with pauses shorter and longer than the gap; of today, so that no retention deletes them. */
  static List<Event> events(int count) {
    var random = new Random(7);
    var events = new ArrayList<Event>();
    long time = System.currentTimeMillis() - count * 2000L;
    for (int i = 0; i < count; i++) {
      time += random.nextInt(4000);
      events.add(new Event("visitor-" + random.nextInt(20), time));
    }
    return events;
  }

  /** Every session as `key start end count`, sorted. */
  static List<String> sessionsOf(List<Event> events) {
    var byKey = events.stream().collect(Collectors.groupingBy(Event::key, Collectors.mapping(Event::time, Collectors.toList())));
    var sessions = new ArrayList<String>();
    byKey.forEach((key, times) -> {
      long start = times.get(0);
      long end = start;
      int count = 0;
      for (long time : times) {
        if (time - end > gap.toMillis()) {
          sessions.add(key + " " + start + " " + end + " " + count);
          start = time;
          count = 0;
        }
        end = time;
        count++;
      }
      sessions.add(key + " " + start + " " + end + " " + count);
    });
    return sessions.stream().sorted().toList();
  }

  static void sessions(boolean isDisturbed) throws Exception {
    var run = UUID.randomUUID().toString().substring(0, 8);
    var input = "input-" + run;
    var output = "output-" + run;
    try (var admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      admin.createTopics(Stream.of(input, output).map(name -> new NewTopic(name, partitions, (short) 1)).toList()).all().get();
    }
    var events = events(records);
    var state = Files.createTempDirectory("streams");
    var arguments = new String[] {input, output, "application-" + run, state.toString()};
    var application = start(arguments);
    try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", brokers, "acks", "all", "linger.ms", "5"), new StringSerializer(), new StringSerializer());
        var reader = new Reader(output)) {
      for (int third = 0; third < 3; third++) {
        int from = third * records / 3;
        send(producer, input, events.subList(from, from + records / 3));
        if (!isDisturbed || third == 2) continue;
        // It has begun with this part before it is stopped.
        reader.until(from + 50);
        if (third == 0) application.destroyForcibly();
        else application.destroy();
        application.waitFor();
        application = start(arguments);
      }
      reader.until(records);
      reader.readFor(Duration.ofSeconds(3));
      if (reader.updates != records) throw new AssertionError(reader.updates + " updates of " + records + " records");
      var got = reader.sessions();
      var wanted = sessionsOf(events);
      if (!got.equals(wanted)) throw new AssertionError(difference(got, wanted));
    } finally {
      application.destroyForcibly().waitFor();
      delete(state);
    }
  }

  static void send(Producer<String, String> producer, String topic, List<Event> events) {
    for (var event : events)
      producer.send(new ProducerRecord<>(topic, Math.floorMod(event.key().hashCode(), partitions), event.time(), event.key(), ""));
    producer.flush();
  }

  static class Reader implements AutoCloseable {
    final Consumer<String, String> consumer;
    final Map<String, String> counts = new HashMap<>();
    int updates = 0;

    Reader(String topic) {
      Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "auto.offset.reset", "earliest", "isolation.level", "read_committed");
      consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
      consumer.assign(IntStream.range(0, partitions).mapToObj(i -> new TopicPartition(topic, i)).toList());
    }

    void readFor(Duration time) {
      for (long end = System.nanoTime() + time.toNanos(); System.nanoTime() < end;)
        for (var record : consumer.poll(Duration.ofMillis(200)))
          if (record.value() == null) counts.remove(record.key());
          else {
            counts.put(record.key(), record.value());
            updates++;
          }
    }

    void until(int count) {
      for (long end = System.nanoTime() + patience.toNanos(); updates < count; readFor(Duration.ofMillis(200)))
        if (System.nanoTime() > end) throw new AssertionError(updates + " of " + count + " updates came");
    }

    /** Those that are left, as `key start end count`, sorted. */
    List<String> sessions() {
      return counts.entrySet().stream().map(each -> each.getKey() + " " + each.getValue()).sorted().toList();
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  static String difference(List<String> got, List<String> wanted) {
    var extra = new ArrayList<>(got);
    wanted.forEach(extra::remove);
    var missing = new ArrayList<>(wanted);
    got.forEach(missing::remove);
    return "too many: " + extra.stream().limit(3).toList() + ", missing: " + missing.stream().limit(3).toList();
  }

  static void delete(Path folder) throws Exception {
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    }
  }
}

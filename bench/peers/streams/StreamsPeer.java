import com.google.protobuf.InvalidProtocolBufferException;
import java.io.BufferedWriter;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Workload W1 in the DSL of Kafka Streams: duplicates by event id in a window store, three subjects an event, a windowed aggregate with grace.
 * The grace is long: partitions are read at different speeds, and behind the repartitioning the fastest of them moves stream time for all. The
 * answers are its state store, read by interactive queries; nothing is written to Redis.
 */
public final class StreamsPeer {
    private static final int COMMIT_MS = 100; /* the default with exactly_once_v2 */
    private static final LongAdder READ = new LongAdder();
    private static final LongAdder UNIQUE = new LongAdder();
    private static final LongAdder ADDED = new LongAdder();

    private StreamsPeer() {}

    private static Deal parse(byte[] bytes) {
        try {
            return Deal.parse(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new SerializationException(e);
        }
    }

    private static Serde<Deal> deals() {
        Deserializer<Deal> read = (topic, bytes) -> parse(bytes);
        return Serdes.serdeFrom((topic, deal) -> {
            throw new SerializationException("deals are not written");
        }, read);
    }

    /** Count and sum. */
    private static Serde<long[]> sums() {
        return Serdes.serdeFrom(
                (topic, sum) -> sum == null ? null : ByteBuffer.allocate(16).putLong(sum[0]).putLong(sum[1]).array(),
                (topic, bytes) -> {
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    return new long[] {buffer.getLong(), buffer.getLong()};
                });
    }

    /** Lets an event id through once. A duplicate has the same time, so one look-up is enough. */
    static final class Unique implements FixedKeyProcessor<String, Deal, Deal> {
        private FixedKeyProcessorContext<String, Deal> context;
        private WindowStore<String, byte[]> seen;

        @Override
        public void init(FixedKeyProcessorContext<String, Deal> to) {
            context = to;
            seen = to.getStateStore("seen");
        }

        @Override
        public void process(FixedKeyRecord<String, Deal> record) {
            Peer.first();
            Deal deal = record.value();
            String id = deal.org + '/' + deal.eventId;
            if (seen.fetch(id, deal.atMs) == null) {
                seen.put(id, new byte[] {1}, deal.atMs);
                UNIQUE.increment();
                context.forward(record);
            }
            READ.increment();
        }
    }

    private static List<KeyValue<String, Long>> subjects(Deal deal) {
        return List.of(
                KeyValue.pair(Peer.key(deal.org, "org", deal.org), deal.amount),
                KeyValue.pair(Peer.key(deal.org, "team", deal.team), deal.amount),
                KeyValue.pair(Peer.key(deal.org, "rep", deal.rep), deal.amount));
    }

    private static long[] add(long amount, long[] sum) {
        ADDED.increment();
        return new long[] {sum[0] + 1, sum[1] + amount};
    }

    private static StreamsBuilder topology(String topic, Duration window, Duration grace) {
        StreamsBuilder builder = new StreamsBuilder();
        StoreBuilder<WindowStore<String, byte[]>> seen = Stores.windowStoreBuilder(
                Stores.persistentWindowStore("seen", Duration.ofHours(1), Duration.ofMinutes(5), false), Serdes.String(), Serdes.ByteArray());
        builder.addStateStore(seen);
        builder.stream(topic, Consumed.with(Serdes.String(), deals())
                        .withTimestampExtractor((record, partitionMs) -> ((Deal) record.value()).atMs))
                .processValues(Unique::new, "seen")
                .flatMap((key, deal) -> subjects(deal))
                .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
                .windowedBy(TimeWindows.ofSizeAndGrace(window, grace))
                .aggregate(() -> new long[2], (key, amount, sum) -> add(amount, sum),
                        Materialized.<String, long[], WindowStore<Bytes, byte[]>>as("sums").withKeySerde(Serdes.String()).withValueSerde(sums()));
        return builder;
    }

    private static Properties settings(Map<String, String> options) {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, options.get("group"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("brokers"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, options.get("state"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_MS);
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        p.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        p.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        p.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        p.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        return p;
    }

    private static long records(String brokers, String topic) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            int partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
            long n = 0;
            for (int i = 0; i < partitions; i++) {
                TopicPartition at = new TopicPartition(topic, i);
                n += admin.listOffsets(Map.of(at, OffsetSpec.latest())).all().get().get(at).offset()
                        - admin.listOffsets(Map.of(at, OffsetSpec.earliest())).all().get().get(at).offset();
            }
            return n;
        }
    }

    /** The aggregate reads committed records only, so once it has added all, only its own last commit is still to come. */
    private static boolean readToTheEnd(KafkaStreams streams, long records) throws InterruptedException {
        while (READ.sum() < records || ADDED.sum() < 3 * UNIQUE.sum()) {
            if (streams.state() == KafkaStreams.State.ERROR || streams.state() == KafkaStreams.State.NOT_RUNNING) {
                return false;
            }
            Thread.sleep(20);
        }
        Thread.sleep(2 * COMMIT_MS);
        return true;
    }

    private static void write(KafkaStreams streams, String path) throws Exception {
        ReadOnlyWindowStore<String, long[]> store =
                streams.store(StoreQueryParameters.fromNameAndType("sums", QueryableStoreTypes.<String, long[]>windowStore()));
        try (BufferedWriter out = Peer.answers(path);
                KeyValueIterator<Windowed<String>, long[]> all = store.all()) {
            while (all.hasNext()) {
                KeyValue<Windowed<String>, long[]> row = all.next();
                Peer.answer(out, row.key.window().start(), row.key.key(), row.value[0], row.value[1]);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = Peer.options(args);
        Duration window = Duration.ofMillis(Long.parseLong(options.get("window-ms")));
        Duration grace = Duration.ofMillis(Long.parseLong(options.get("grace-ms")));
        long records = records(options.get("brokers"), options.get("topic"));
        Peer.settings("exactly_once_v2, 2 threads, commit every 100 ms (default), topology optimized, record cache 64 MiB, producer linger 100 ms,"
                + " batches 256 KiB, lz4, persistent stores (RocksDB), grace " + grace.toMillis() + " ms, duplicates by a window store of 1 h");
        KafkaStreams streams = new KafkaStreams(topology(options.get("topic"), window, grace).build(), settings(options));
        streams.start();
        boolean done = readToTheEnd(streams, records);
        if (done) {
            Peer.end();
            write(streams, options.get("answers"));
        }
        streams.close(Duration.ofSeconds(30));
        streams.cleanUp();
        System.exit(done ? 0 : 1);
    }
}

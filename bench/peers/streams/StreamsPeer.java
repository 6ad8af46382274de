import com.google.protobuf.InvalidProtocolBufferException;
import java.io.BufferedWriter;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SerializationException;
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
    static final String SETTINGS = "exactly_once_v2, 2 threads, commit every 100 ms (default), topology optimized, producer linger 100 ms, batches 256 KiB,"
            + " lz4, persistent stores (RocksDB), duplicates by a window store of 1 h";
    private static final int COMMIT_MS = 100; /* the default with exactly_once_v2 */
    private static final LongAdder READ = new LongAdder();
    private static final LongAdder UNIQUE = new LongAdder();
    static final LongAdder ADDED = new LongAdder();

    private StreamsPeer() {}

    /** Reading only. */
    static <V> Serde<V> decoder(Parser<V> parser) {
        return Serdes.serdeFrom((topic, value) -> {
            throw new SerializationException("events are not written");
        }, (topic, bytes) -> {
            try {
                return parser.parse(bytes);
            } catch (InvalidProtocolBufferException e) {
                throw new SerializationException(e);
            }
        });
    }

    interface Parser<V> {
        V parse(byte[] bytes) throws InvalidProtocolBufferException;
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
    static final class Unique<V> implements FixedKeyProcessor<String, V, V> {
        private final Function<V, String> idOf;
        private final ToLongFunction<V> timeOf;
        private FixedKeyProcessorContext<String, V> context;
        private WindowStore<String, byte[]> seen;

        Unique(Function<V, String> idOf, ToLongFunction<V> timeOf) {
            this.idOf = idOf;
            this.timeOf = timeOf;
        }

        @Override
        public void init(FixedKeyProcessorContext<String, V> to) {
            context = to;
            seen = to.getStateStore("seen");
        }

        @Override
        public void process(FixedKeyRecord<String, V> record) {
            Peer.first();
            String id = idOf.apply(record.value());
            long atMs = timeOf.applyAsLong(record.value());
            if (seen.fetch(id, atMs) == null) {
                seen.put(id, new byte[] {1}, atMs);
                UNIQUE.increment();
                context.forward(record);
            }
            READ.increment();
        }
    }

    static StoreBuilder<WindowStore<String, byte[]>> seenStore() {
        return Stores.windowStoreBuilder(
                Stores.persistentWindowStore("seen", Duration.ofHours(1), Duration.ofMinutes(5), false), Serdes.String(), Serdes.ByteArray());
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
        builder.addStateStore(seenStore());
        builder.stream(topic, Consumed.with(Serdes.String(), decoder(Deal::parse))
                        .withTimestampExtractor((record, partitionMs) -> ((Deal) record.value()).atMs))
                .processValues(() -> new Unique<Deal>(deal -> deal.org + '/' + deal.eventId, deal -> deal.atMs), "seen")
                .flatMap((key, deal) -> subjects(deal))
                .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
                .windowedBy(TimeWindows.ofSizeAndGrace(window, grace))
                .aggregate(() -> new long[2], (key, amount, sum) -> add(amount, sum),
                        Materialized.<String, long[], WindowStore<Bytes, byte[]>>as("sums").withKeySerde(Serdes.String()).withValueSerde(sums()));
        return builder;
    }

    static Properties settings(Map<String, String> options) {
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

    static long records(String brokers, String topic) throws Exception {
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

    /**
     * The aggregate reads committed records only, so once it has added all, only its own last commit is still to come. `pending`: what it has
     * added and not yet worked up.
     */
    static boolean readToTheEnd(KafkaStreams streams, long records, LongSupplier pending) throws InterruptedException {
        while (READ.sum() < records || ADDED.sum() < 3 * UNIQUE.sum() || pending.getAsLong() > 0) {
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
        Peer.settings(SETTINGS + ", record cache 64 MiB, grace " + grace.toMillis() + " ms");
        KafkaStreams streams = new KafkaStreams(topology(options.get("topic"), window, grace).build(), settings(options));
        streams.start();
        boolean done = readToTheEnd(streams, records, () -> 0);
        if (done) {
            Peer.end();
            write(streams, options.get("answers"));
        }
        streams.close(Duration.ofSeconds(30));
        streams.cleanUp();
        System.exit(done ? 0 : 1);
    }
}

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/**
 * Workload W2 with the Processor API of Kafka Streams: panes of minutes and hours in window stores, and each minute of stream time the subjects
 * that were touched are worked up. Like the Flink job it does less than crmpulse: no share of the org, no boards, three rules, its rows stay in
 * memory. While partitions are read at different speeds, rows come at the instant of the fastest; the newest row of each subject is right.
 */
public final class StreamsKpis {
    private static final AtomicLong TOUCHED = new AtomicLong();
    private static final Duration QUIET = Duration.ofSeconds(1); /* without stream time moving on, what was touched is worked up then */

    /** What a deal changes for one subject. */
    record Change(String customer, boolean won, long atMs, long amount, long cycleMs) {}

    private StreamsKpis() {}

    private interface Writer<V> {
        void write(V value, DataOutputStream out) throws IOException;
    }

    private interface Reader<V> {
        V read(DataInputStream in) throws IOException;
    }

    private static <V> Serde<V> serde(Writer<V> writer, Reader<V> reader) {
        return Serdes.serdeFrom((topic, value) -> {
            if (value == null) {
                return null;
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
            try {
                writer.write(value, new DataOutputStream(bytes));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return bytes.toByteArray();
        }, (topic, bytes) -> {
            try {
                return bytes == null ? null : reader.read(new DataInputStream(new ByteArrayInputStream(bytes)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static void writeChange(Change change, DataOutputStream out) throws IOException {
        out.writeUTF(change.customer());
        out.writeBoolean(change.won());
        out.writeLong(change.atMs());
        out.writeLong(change.amount());
        out.writeLong(change.cycleMs());
    }

    private static Change readChange(DataInputStream in) throws IOException {
        return new Change(in.readUTF(), in.readBoolean(), in.readLong(), in.readLong(), in.readLong());
    }

    private static void writePane(Pane pane, DataOutputStream out) throws IOException {
        for (long value : new long[] {pane.count, pane.won, pane.amount, pane.wonAmount, pane.cycleMs}) {
            out.writeLong(value);
        }
        out.writeInt(pane.customers.size());
        for (Map.Entry<String, Integer> entry : pane.customers.entrySet()) {
            out.writeUTF(entry.getKey());
            out.writeInt(entry.getValue());
        }
        out.writeInt(pane.cycles.size());
        for (Map.Entry<Integer, Integer> entry : pane.cycles.entrySet()) {
            out.writeInt(entry.getKey());
            out.writeInt(entry.getValue());
        }
    }

    private static Pane readPane(DataInputStream in) throws IOException {
        Pane pane = new Pane();
        pane.count = in.readLong();
        pane.won = in.readLong();
        pane.amount = in.readLong();
        pane.wonAmount = in.readLong();
        pane.cycleMs = in.readLong();
        for (int left = in.readInt(); left > 0; left--) {
            pane.customers.put(in.readUTF(), in.readInt());
        }
        for (int left = in.readInt(); left > 0; left--) {
            pane.cycles.put(in.readInt(), in.readInt());
        }
        return pane;
    }

    static final class Kpis implements Processor<String, Change, Void, Void> {
        private ProcessorContext<Void, Void> context;
        private WindowStore<String, Pane> minutes;
        private WindowStore<String, Pane> hours;
        private KeyValueStore<String, Integer> touched;
        private KeyValueStore<String, Integer> firing;
        private long lookedAtMs;

        @Override
        public void init(ProcessorContext<Void, Void> to) {
            context = to;
            minutes = to.getStateStore("minutes");
            hours = to.getStateStore("hours");
            touched = to.getStateStore("touched");
            firing = to.getStateStore("firing");
            to.schedule(Duration.ofMinutes(1), PunctuationType.STREAM_TIME, nowMs -> workUp());
            to.schedule(QUIET, PunctuationType.WALL_CLOCK_TIME, nowMs -> {
                if (context.currentStreamTimeMs() == lookedAtMs) {
                    workUp();
                }
                lookedAtMs = context.currentStreamTimeMs();
            });
        }

        private static void add(WindowStore<String, Pane> panes, String key, long paneMs, Change change) {
            long start = Windows.floor(change.atMs(), paneMs);
            Pane pane = panes.fetch(key, start);
            if (pane == null) {
                pane = new Pane();
            }
            pane.add(change.amount(), change.won(), change.customer(), change.cycleMs());
            panes.put(key, pane, start);
        }

        @Override
        public void process(Record<String, Change> record) {
            add(minutes, record.key(), Windows.MINUTE_MS, record.value());
            add(hours, record.key(), Windows.HOUR_MS, record.value());
            if (touched.putIfAbsent(record.key(), 1) == null) {
                TOUCHED.incrementAndGet();
            }
            StreamsPeer.ADDED.increment();
        }

        private void workUp() {
            List<String> keys = new ArrayList<>();
            try (KeyValueIterator<String, Integer> all = touched.all()) {
                all.forEachRemaining(entry -> keys.add(entry.key));
            }
            long nowMs = Windows.floor(context.currentStreamTimeMs(), Windows.MINUTE_MS) + Windows.MINUTE_MS;
            for (String key : keys) {
                tell(key, nowMs);
                touched.delete(key);
                TOUCHED.decrementAndGet();
            }
        }

        private static double[] kpis(int window, long nowMs, WindowStore<String, Pane> panes, String key) {
            Windows.Sum sum = new Windows.Sum(window, nowMs);
            try (WindowStoreIterator<Pane> found = panes.fetch(key, sum.firstMs(), Windows.end(window, nowMs) - 1)) {
                found.forEachRemaining(entry -> sum.add(entry.key, entry.value));
            }
            return sum.kpis();
        }

        private void tell(String key, long nowMs) {
            double[][] values = new double[Windows.LENGTHS_MS.length][];
            for (int w = 0; w < values.length; w++) {
                values[w] = kpis(w, nowMs, Windows.ofMinutes(w) ? minutes : hours, key);
                Windows.keep(key, w, nowMs, values[w]);
            }
            Integer before = firing.get(key);
            int now = Windows.judge(before == null ? 0 : before, values);
            if (before == null || now != before) {
                firing.put(key, now);
            }
        }
    }

    private static List<KeyValue<String, Change>> subjects(ClosedDeal deal) {
        Change change = new Change(deal.customer, deal.won, deal.atMs, deal.amount, deal.atMs - deal.openedMs);
        return List.of(
                KeyValue.pair(Peer.key(deal.org, "org", deal.org), change),
                KeyValue.pair(Peer.key(deal.org, "team", deal.team), change),
                KeyValue.pair(Peer.key(deal.org, "rep", deal.rep), change));
    }

    private static void addPanes(StreamsBuilder builder, String name, long keptMs, long paneMs) {
        builder.addStateStore(Stores.windowStoreBuilder(
                Stores.persistentWindowStore(name, Duration.ofMillis(keptMs), Duration.ofMillis(paneMs), false), Serdes.String(),
                serde(StreamsKpis::writePane, StreamsKpis::readPane)).withCachingEnabled());
    }

    private static StreamsBuilder topology(String topic) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(StreamsPeer.seenStore());
        addPanes(builder, "minutes", Windows.MINUTES_KEPT_MS, Windows.MINUTE_MS);
        addPanes(builder, "hours", Windows.HOURS_KEPT_MS, Windows.HOUR_MS);
        for (String name : List.of("touched", "firing")) {
            builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.String(), Serdes.Integer()).withCachingEnabled());
        }
        builder.stream(topic, Consumed.with(Serdes.String(), StreamsPeer.decoder(ClosedDeal::parse))
                        .withTimestampExtractor((record, partitionMs) -> ((ClosedDeal) record.value()).atMs))
                .processValues(() -> new StreamsPeer.Unique<ClosedDeal>(deal -> deal.org + '/' + deal.eventId, deal -> deal.atMs), "seen")
                .flatMap((key, deal) -> subjects(deal))
                .repartition(Repartitioned.with(Serdes.String(), serde(StreamsKpis::writeChange, StreamsKpis::readChange)).withName("changes"))
                .process(Kpis::new, "minutes", "hours", "touched", "firing");
        return builder;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = Peer.options(args);
        long records = StreamsPeer.records(options.get("brokers"), options.get("topic"));
        Peer.settings(StreamsPeer.SETTINGS + ", record cache 64 MiB, panes of minutes and hours in window stores, worked up each minute of stream time;"
                + " 19 of the 20 KPIs and p95, no boards, three rules, rows in memory");
        KafkaStreams streams = new KafkaStreams(topology(options.get("topic")).build(), StreamsPeer.settings(options));
        streams.start();
        boolean done = StreamsPeer.readToTheEnd(streams, records, TOUCHED::get);
        if (done) {
            Peer.end();
            Windows.write(options.get("answers"));
        }
        streams.close(Duration.ofSeconds(30));
        streams.cleanUp();
        System.exit(done ? 0 : 1);
    }
}

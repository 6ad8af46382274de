import java.io.BufferedWriter;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.SinkFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Workload W1 as a Flink DataStream job on a local cluster inside this process: Kafka source to its end, duplicates by event id in keyed state
 * with a TTL, three subjects an event, tumbling event-time windows with allowed lateness. Its sink is a map in memory (no Redis), so what it
 * writes costs it next to nothing.
 */
public final class FlinkPeer {
    static final String SETTINGS = "parallelism 2, hashmap state, checkpoints every 5 s exactly once to files, object reuse, no generic types,"
            + " watermark 10 s behind, duplicates by ValueState with a TTL of 1 h, sink in memory";

    /** The newest answer of each (subject, window): a late event fires its window again. */
    private static final Map<String, Result> ANSWERS = new ConcurrentHashMap<>();

    public static final class Contribution {
        public String key;
        public long amount;

        public Contribution() {}

        Contribution(String key, long amount) {
            this.key = key;
            this.amount = amount;
        }
    }

    public static final class Sum {
        public long count;
        public long amount;

        public Sum() {}
    }

    public static final class Result {
        public String key;
        public long windowStartMs;
        public long count;
        public long amount;

        public Result() {}
    }

    static final class DealSchema extends AbstractDeserializationSchema<Deal> {
        private static final long serialVersionUID = 1;

        @Override
        public Deal deserialize(byte[] bytes) throws IOException {
            Peer.first();
            return Deal.parse(bytes);
        }
    }

    static final class Unique extends KeyedProcessFunction<String, Deal, Deal> {
        private static final long serialVersionUID = 1;
        private transient ValueState<Boolean> seen;

        @Override
        public void open(OpenContext context) {
            ValueStateDescriptor<Boolean> descriptor = new ValueStateDescriptor<>("seen", Types.BOOLEAN);
            descriptor.enableTimeToLive(StateTtlConfig.newBuilder(Duration.ofHours(1)).build());
            seen = getRuntimeContext().getState(descriptor);
        }

        @Override
        public void processElement(Deal deal, Context context, Collector<Deal> out) throws IOException {
            if (seen.value() == null) {
                seen.update(Boolean.TRUE);
                out.collect(deal);
            }
        }
    }

    static final class Subjects implements FlatMapFunction<Deal, Contribution> {
        private static final long serialVersionUID = 1;

        @Override
        public void flatMap(Deal deal, Collector<Contribution> out) {
            out.collect(new Contribution(Peer.key(deal.org, "org", deal.org), deal.amount));
            out.collect(new Contribution(Peer.key(deal.org, "team", deal.team), deal.amount));
            out.collect(new Contribution(Peer.key(deal.org, "rep", deal.rep), deal.amount));
        }
    }

    static final class Add implements AggregateFunction<Contribution, Sum, Sum> {
        private static final long serialVersionUID = 1;

        @Override
        public Sum createAccumulator() {
            return new Sum();
        }

        @Override
        public Sum add(Contribution value, Sum sum) {
            sum.count++;
            sum.amount += value.amount;
            return sum;
        }

        @Override
        public Sum getResult(Sum sum) {
            return sum;
        }

        @Override
        public Sum merge(Sum a, Sum b) {
            a.count += b.count;
            a.amount += b.amount;
            return a;
        }
    }

    static final class Tell extends ProcessWindowFunction<Sum, Result, String, TimeWindow> {
        private static final long serialVersionUID = 1;

        @Override
        public void process(String key, Context context, Iterable<Sum> sums, Collector<Result> out) {
            Sum sum = sums.iterator().next();
            Result result = new Result();
            result.key = key;
            result.windowStartMs = context.window().getStart();
            result.count = sum.count;
            result.amount = sum.amount;
            out.collect(result);
        }
    }

    static final class Keep implements SinkFunction<Result> {
        private static final long serialVersionUID = 1;

        @Override
        public void invoke(Result result, Context context) {
            ANSWERS.put(result.windowStartMs + "\t" + result.key, result);
        }
    }

    private FlinkPeer() {}

    static StreamExecutionEnvironment environment(String stateDir) {
        Configuration conf = new Configuration();
        conf.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        conf.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        conf.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + stateDir);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        env.setParallelism(2);
        env.enableCheckpointing(5000, CheckpointingMode.EXACTLY_ONCE);
        env.getConfig().enableObjectReuse();
        env.getConfig().disableGenericTypes();
        return env;
    }

    static <T> KafkaSource<T> source(Map<String, String> options, DeserializationSchema<T> schema) {
        return KafkaSource.<T>builder()
                .setBootstrapServers(options.get("brokers"))
                .setTopics(options.get("topic"))
                .setGroupId(options.get("group"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setProperty("isolation.level", "read_committed")
                .setValueOnlyDeserializer(schema)
                .build();
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = Peer.options(args);
        long windowMs = Long.parseLong(options.get("window-ms"));
        long latenessMs = Long.parseLong(options.get("lateness-ms"));
        Peer.settings(SETTINGS + ", allowed lateness " + latenessMs + " ms");
        StreamExecutionEnvironment env = environment(options.get("state"));
        WatermarkStrategy<Deal> watermarks = WatermarkStrategy.<Deal>forBoundedOutOfOrderness(Duration.ofSeconds(10))
                .withTimestampAssigner((deal, recordMs) -> deal.atMs);
        env.fromSource(source(options, new DealSchema()), watermarks, "deals")
                .keyBy(deal -> deal.org + '/' + deal.eventId)
                .process(new Unique())
                .flatMap(new Subjects())
                .keyBy(contribution -> contribution.key)
                .window(TumblingEventTimeWindows.of(Duration.ofMillis(windowMs)))
                .allowedLateness(Duration.ofMillis(latenessMs))
                .aggregate(new Add(), new Tell())
                .addSink(new Keep());
        env.execute("w1");
        Peer.end();
        try (BufferedWriter out = Peer.answers(options.get("answers"))) {
            for (Result result : ANSWERS.values()) {
                Peer.answer(out, result.windowStartMs, result.key, result.count, result.amount);
            }
        }
    }
}

import java.io.IOException;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.SinkFunction;
import org.apache.flink.util.Collector;

/**
 * Workload W2 as a Flink job: sliding windows of 30 days that move by the minute would be 43,200 panes an event, so each subject keeps panes of
 * minutes and hours in keyed state, and an event-time timer a minute adds them up for the subjects that were touched. It does less than crmpulse:
 * no sales_share (it needs another key's figures), no boards, no rows where only time moves a window, three rules without outbox.
 */
public final class FlinkKpis {
    public static final class Change {
        public String key;
        public String customer;
        public boolean won;
        public long atMs;
        public long amount;
        public long cycleMs;

        public Change() {}

        Change(String key, ClosedDeal deal) {
            this.key = key;
            customer = deal.customer;
            won = deal.won;
            atMs = deal.atMs;
            amount = deal.amount;
            cycleMs = deal.atMs - deal.openedMs;
        }
    }

    public static final class Row {
        public String key;
        public int window;
        public long endMs;
        public double[] values;

        public Row() {}
    }

    static final class Schema extends AbstractDeserializationSchema<ClosedDeal> {
        private static final long serialVersionUID = 1;

        @Override
        public ClosedDeal deserialize(byte[] bytes) throws IOException {
            Peer.first();
            return ClosedDeal.parse(bytes);
        }
    }

    static final class Unique extends KeyedProcessFunction<String, ClosedDeal, ClosedDeal> {
        private static final long serialVersionUID = 1;
        private transient ValueState<Boolean> seen;

        @Override
        public void open(OpenContext context) {
            ValueStateDescriptor<Boolean> descriptor = new ValueStateDescriptor<>("seen", Types.BOOLEAN);
            descriptor.enableTimeToLive(StateTtlConfig.newBuilder(Duration.ofHours(1)).build());
            seen = getRuntimeContext().getState(descriptor);
        }

        @Override
        public void processElement(ClosedDeal deal, Context context, Collector<ClosedDeal> out) throws IOException {
            if (seen.value() == null) {
                seen.update(Boolean.TRUE);
                out.collect(deal);
            }
        }
    }

    static final class Subjects implements FlatMapFunction<ClosedDeal, Change> {
        private static final long serialVersionUID = 1;

        @Override
        public void flatMap(ClosedDeal deal, Collector<Change> out) {
            out.collect(new Change(Peer.key(deal.org, "org", deal.org), deal));
            out.collect(new Change(Peer.key(deal.org, "team", deal.team), deal));
            out.collect(new Change(Peer.key(deal.org, "rep", deal.rep), deal));
        }
    }

    static final class Kpis extends KeyedProcessFunction<String, Change, Row> {
        private static final long serialVersionUID = 1;
        private transient MapState<Long, Pane> minutes;
        private transient MapState<Long, Pane> hours;
        private transient ValueState<Integer> firing;

        @Override
        public void open(OpenContext context) {
            TypeInformation<Pane> pane = Types.POJO(Pane.class, Map.of(
                    "count", Types.LONG, "won", Types.LONG, "amount", Types.LONG, "wonAmount", Types.LONG, "cycleMs", Types.LONG,
                    "customers", Types.MAP(Types.STRING, Types.INT), "cycles", Types.MAP(Types.INT, Types.INT)));
            minutes = getRuntimeContext().getMapState(new MapStateDescriptor<>("minutes", Types.LONG, pane));
            hours = getRuntimeContext().getMapState(new MapStateDescriptor<>("hours", Types.LONG, pane));
            firing = getRuntimeContext().getState(new ValueStateDescriptor<>("firing", Types.INT));
        }

        private static void add(MapState<Long, Pane> panes, long paneMs, Change change) throws Exception {
            long start = Windows.floor(change.atMs, paneMs);
            Pane pane = panes.get(start);
            if (pane == null) {
                pane = new Pane();
            }
            pane.add(change.amount, change.won, change.customer, change.cycleMs);
            panes.put(start, pane);
        }

        @Override
        public void processElement(Change change, Context context, Collector<Row> out) throws Exception {
            add(minutes, Windows.MINUTE_MS, change);
            add(hours, Windows.HOUR_MS, change);
            long from = Math.max(change.atMs, context.timerService().currentWatermark() + 1);
            context.timerService().registerEventTimeTimer(Windows.floor(from, Windows.MINUTE_MS) + Windows.MINUTE_MS);
        }

        private static void drop(MapState<Long, Pane> panes, long before) throws Exception {
            for (Iterator<Long> starts = panes.keys().iterator(); starts.hasNext();) {
                if (starts.next() < before) {
                    starts.remove();
                }
            }
        }

        private static double[] kpis(int window, long nowMs, MapState<Long, Pane> panes) throws Exception {
            Windows.Sum sum = new Windows.Sum(window, nowMs);
            for (Map.Entry<Long, Pane> entry : panes.entries()) {
                sum.add(entry.getKey(), entry.getValue());
            }
            return sum.kpis();
        }

        @Override
        public void onTimer(long nowMs, OnTimerContext context, Collector<Row> out) throws Exception {
            drop(minutes, nowMs - Windows.MINUTES_KEPT_MS);
            drop(hours, nowMs - Windows.HOURS_KEPT_MS);
            double[][] values = new double[Windows.LENGTHS_MS.length][];
            for (int w = 0; w < values.length; w++) {
                values[w] = kpis(w, nowMs, Windows.ofMinutes(w) ? minutes : hours);
                Row row = new Row();
                row.key = context.getCurrentKey();
                row.window = w;
                row.endMs = nowMs;
                row.values = values[w];
                out.collect(row);
            }
            int before = firing.value() == null ? 0 : firing.value();
            int now = Windows.judge(before, values);
            if (now != before) {
                firing.update(now);
            }
        }
    }

    static final class Keep implements SinkFunction<Row> {
        private static final long serialVersionUID = 1;

        @Override
        public void invoke(Row row, Context context) {
            Windows.keep(row.key, row.window, row.endMs, row.values);
        }
    }

    private FlinkKpis() {}

    public static void main(String[] args) throws Exception {
        Map<String, String> options = Peer.options(args);
        Peer.settings(FlinkPeer.SETTINGS + ", panes of minutes and hours in MapState, a timer a minute; 19 of the 20 KPIs and p95, no boards, three"
                + " rules");
        var env = FlinkPeer.environment(options.get("state"));
        WatermarkStrategy<ClosedDeal> watermarks = WatermarkStrategy.<ClosedDeal>forBoundedOutOfOrderness(Duration.ofSeconds(10))
                .withTimestampAssigner((deal, recordMs) -> deal.atMs);
        env.fromSource(FlinkPeer.source(options, new Schema()), watermarks, "deals")
                .keyBy(deal -> deal.org + '/' + deal.eventId)
                .process(new Unique())
                .flatMap(new Subjects())
                .keyBy(change -> change.key)
                .process(new Kpis())
                .addSink(new Keep());
        env.execute("w2");
        Peer.end();
        Windows.write(options.get("answers"));
    }
}

import java.io.BufferedWriter;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The windows of W2 over panes, its rules, and the newest row of each subject and window: what the Java peers of W2 share. */
final class Windows {
    static final long MINUTE_MS = 60000;
    static final long HOUR_MS = 60 * MINUTE_MS;
    static final long[] LENGTHS_MS = {5 * MINUTE_MS, HOUR_MS, 24 * HOUR_MS, 168 * HOUR_MS, 720 * HOUR_MS};
    /** Panes that no window reads any more, nor the one before it: minutes and hours before now minus these. */
    static final long MINUTES_KEPT_MS = 2 * HOUR_MS + 10 * MINUTE_MS;
    static final long HOURS_KEPT_MS = 1441 * HOUR_MS;
    private static final String[] NAMES = {"5m", "1h", "24h", "7d", "30d"};
    private static final Map<String, Answer> ANSWERS = new ConcurrentHashMap<>();

    private record Answer(long endMs, double[] values) {}

    private Windows() {}

    static long floor(long atMs, long paneMs) {
        return atMs - Math.floorMod(atMs, paneMs);
    }

    static boolean ofMinutes(int window) {
        return LENGTHS_MS[window] <= HOUR_MS;
    }

    /** End of the window that is looked at just before `nowMs`: that of the pane. */
    static long end(int window, long nowMs) {
        long paneMs = ofMinutes(window) ? MINUTE_MS : HOUR_MS;
        return floor(nowMs - 1, paneMs) + paneMs;
    }

    /** Panes of one window and of the one before. */
    static final class Sum {
        private final long begin;
        private final long end;
        private final Pane pane = new Pane();
        private long wonBefore;

        Sum(int window, long nowMs) {
            end = Windows.end(window, nowMs);
            begin = end - LENGTHS_MS[window];
        }

        long firstMs() {
            return begin - (end - begin);
        }

        void add(long startMs, Pane of) {
            if (startMs >= begin && startMs < end) {
                pane.add(of);
            } else if (startMs >= firstMs() && startMs < begin) {
                wonBefore += of.wonAmount;
            }
        }

        double[] kpis() {
            return pane.kpis(wonBefore);
        }
    }

    /** Three rules: win rate of 1 h below 0.30 (clears at 0.36), p95 of 24 h above 2100 h (2000 h), customers of 24 h below 10 (12). */
    static int judge(int state, double[][] rows) {
        double[] hour = rows[1];
        double[] day = rows[2];
        int now = turn(state, 1, hour[Pane.WIN_RATE] < 0.30, hour[Pane.WIN_RATE] >= 0.36);
        now = turn(now, 2, day[Pane.P95] > 2100.0 * HOUR_MS, day[Pane.P95] < 2000.0 * HOUR_MS);
        return turn(now, 4, day[Pane.CUSTOMERS] < 10, day[Pane.CUSTOMERS] >= 12);
    }

    private static int turn(int state, int bit, boolean fires, boolean clears) {
        return fires ? state | bit : clears ? state & ~bit : state;
    }

    static void keep(String key, int window, long endMs, double[] values) {
        ANSWERS.put(key + "\t" + NAMES[window], new Answer(endMs, values));
    }

    static void write(String path) throws IOException {
        try (BufferedWriter out = Peer.answers(path)) {
            out.write("org\tdim\tsubject\twindow\tend\t" + String.join("\t", Pane.KPIS) + "\n");
            for (Map.Entry<String, Answer> entry : ANSWERS.entrySet()) {
                out.write(entry.getKey() + "\t" + entry.getValue().endMs());
                for (double value : entry.getValue().values()) {
                    out.write(Double.isNaN(value) ? "\tnull" : "\t" + value);
                }
                out.write("\n");
            }
        }
    }
}

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** The sums of one subject over one minute, one hour or one window; panes add up to windows. Quantiles are of buckets 1 % wide on either side. */
public final class Pane {
    /** The KPIs of W2 that {@link #kpis} forms, in this order; sales_share needs the figures of another subject and is not among them. */
    static final String[] KPIS = {
        "closed", "closed_amount", "deals_won", "deals_lost", "won_amount", "lost_amount", "active_customers", "repeat_customers", "win_rate",
        "loss_rate", "win_rate_amount", "lost_per_won", "repurchase_rate", "deals_per_customer", "growth", "average_won", "average_lost",
        "amount_per_customer", "sales_cycle", "p95"};
    static final int WIN_RATE = 8;
    static final int CUSTOMERS = 6;
    static final int P95 = 19;
    private static final double LOG_GAMMA = Math.log(1.01 / 0.99);

    public long count;
    public long won;
    public long amount;
    public long wonAmount;
    public long cycleMs;
    public Map<String, Integer> customers = new HashMap<>();
    public Map<Integer, Integer> cycles = new HashMap<>();

    public Pane() {}

    void add(long value, boolean isWon, String customer, long cycle) {
        count++;
        amount += value;
        if (isWon) {
            won++;
            wonAmount += value;
            cycleMs += cycle;
            customers.merge(customer, 1, Integer::sum);
            cycles.merge((int) Math.ceil(Math.log(cycle) / LOG_GAMMA), 1, Integer::sum);
        }
    }

    void add(Pane other) {
        count += other.count;
        won += other.won;
        amount += other.amount;
        wonAmount += other.wonAmount;
        cycleMs += other.cycleMs;
        other.customers.forEach((customer, n) -> customers.merge(customer, n, Integer::sum));
        other.cycles.forEach((bucket, n) -> cycles.merge(bucket, n, Integer::sum));
    }

    private double quantile(double q) {
        if (won == 0) {
            return Double.NaN;
        }
        long left = (long) Math.floor(q * (won - 1));
        int bucket = 0;
        for (Map.Entry<Integer, Integer> entry : new TreeMap<>(cycles).entrySet()) {
            bucket = entry.getKey();
            left -= entry.getValue();
            if (left < 0) {
                break;
            }
        }
        return 2 * Math.exp(bucket * LOG_GAMMA) / (1 + Math.exp(LOG_GAMMA));
    }

    private static double ratio(double a, double b) {
        return b == 0 ? Double.NaN : a / b;
    }

    /** Not a number where there is no value. `wonBefore`: won_amount of the window before. */
    double[] kpis(long wonBefore) {
        long lost = count - won;
        long buyers = customers.size();
        long repeat = customers.values().stream().filter(n -> n > 1).count();
        return new double[] {
            count, amount, won, lost, wonAmount, amount - wonAmount, buyers, repeat, ratio(won, count), ratio(lost, count), ratio(wonAmount, amount),
            ratio(lost, won), ratio(repeat, buyers), ratio(won, buyers), ratio(wonAmount - wonBefore, wonBefore), ratio(wonAmount, won),
            ratio(amount - wonAmount, lost), ratio(wonAmount, buyers), ratio(cycleMs, won), quantile(0.95)};
    }
}

import com.google.protobuf.InvalidProtocolBufferException;
import crmpulse.v1.EventOuterClass;

/** What workload W2 needs of an event; a bean in Flink's sense. */
public final class ClosedDeal {
    public String eventId;
    public String org;
    public String team;
    public String rep;
    public String customer;
    public boolean won;
    public long atMs;
    public long openedMs;
    public long amount;

    public ClosedDeal() {}

    static ClosedDeal parse(byte[] bytes) throws InvalidProtocolBufferException {
        EventOuterClass.Event event = EventOuterClass.Event.parseFrom(bytes);
        EventOuterClass.DealClosed closed = event.getDealClosed();
        ClosedDeal deal = new ClosedDeal();
        deal.eventId = event.getEventId();
        deal.org = event.getOrgId();
        deal.team = event.getTeamId();
        deal.rep = event.getOwnerId();
        deal.customer = closed.getCustomerId();
        deal.won = closed.getOutcome().equals("won");
        deal.atMs = event.getOccurredAtMs();
        deal.openedMs = closed.getOpenedAtMs();
        deal.amount = closed.getAmountMicros();
        return deal;
    }
}

import com.google.protobuf.InvalidProtocolBufferException;
import crmpulse.v1.EventOuterClass;

/** What the workload needs of an event. A bean in Flink's sense (public fields, empty constructor), so that its own serializers are used. */
public final class Deal {
    public String eventId;
    public String org;
    public String team;
    public String rep;
    public long atMs;
    public long amount;

    public Deal() {}

    static Deal parse(byte[] bytes) throws InvalidProtocolBufferException {
        EventOuterClass.Event event = EventOuterClass.Event.parseFrom(bytes);
        Deal deal = new Deal();
        deal.eventId = event.getEventId();
        deal.org = event.getOrgId();
        deal.team = event.getTeamId();
        deal.rep = event.getOwnerId();
        deal.atMs = event.getOccurredAtMs();
        deal.amount = event.getDealClosed().getAmountMicros();
        return deal;
    }
}

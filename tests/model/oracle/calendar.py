"""Civil and rolling windows of an org: zone, week start, fiscal shift, cycle.

Every window is half-open in UTC milliseconds. Knows nothing of events.
"""
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

MINUTE_MS, HOUR_MS, DAY_MS = 60000, 3600000, 86400000
ROLLING_MS = {
    "5m": 5 * MINUTE_MS, "1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS,
    "14d": 14 * DAY_MS, "30d": 30 * DAY_MS, "90d": 90 * DAY_MS, "365d": 365 * DAY_MS,
}
CIVIL = ("d", "w", "m", "q", "h", "y")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = {"m": 1, "q": 3, "h": 6, "y": 12}


@dataclass(frozen=True)
class Window:
    name: str
    start: int
    end: int
    rolling: bool = False
    gauge: bool = False


def parse_instant(text):
    """Milliseconds from an integer or an ISO 8601 instant (UTC when no offset is given)."""
    if isinstance(text, int):
        return text
    if text.lstrip("-").isdigit():
        return int(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def canonical_name(name):
    """r30 -> 30d, r24h -> 24h: the catalogue's short forms."""
    if isinstance(name, str) and len(name) > 1 and name[0] == "r" and name[1].isdigit():
        return name[1:] if name.endswith("h") or name.endswith("d") else name[1:] + "d"
    return name


class Calendar:
    def __init__(self, zone="UTC", week_start="monday", fiscal_shift=0, cycle="m", hours=None, holidays=(),
                 go_live=None):
        self.zone = ZoneInfo(zone)
        self.week_start = _WEEKDAYS.index(week_start)
        self.fiscal_shift = fiscal_shift
        self.cycle = cycle
        self.hours = hours or {day: [(9 * 60, 18 * 60)] for day in range(5)}
        self.holidays = frozenset(holidays)
        self.go_live = None if go_live is None else self._first_of(go_live)
        self._day_cache = {}

    def local(self, ms):
        return (_EPOCH + timedelta(milliseconds=ms)).astimezone(self.zone)

    def local_date(self, ms):
        return self.local(ms).date()

    def date_ms(self, day):
        """First instant of a civil date."""
        if day not in self._day_cache:
            moment = datetime.combine(day, time(), tzinfo=self.zone)
            self._day_cache[day] = (moment.astimezone(timezone.utc) - _EPOCH) \
                // timedelta(milliseconds=1)
        return self._day_cache[day]

    def offset_ms(self, ms):
        return self.local(ms).utcoffset() // timedelta(milliseconds=1)

    def pane(self, ms, length_ms=HOUR_MS):
        """[start, end) of the pane holding an instant: a minute, or the civil hour."""
        if length_ms == MINUTE_MS:
            start = ms - ms % MINUTE_MS
            return start, start + MINUTE_MS
        local = ms + self.offset_ms(ms)
        start = ms - local % HOUR_MS
        return start, start + HOUR_MS

    def unit_dates(self, unit, day):
        """First date of the civil unit holding `day`, and first date after it."""
        if unit == "d":
            return day, day + timedelta(days=1)
        if unit == "w":
            first = day - timedelta(days=(day.weekday() - self.week_start) % 7)
            return first, first + timedelta(days=7)
        months = _MONTHS[unit]
        shift = self.fiscal_shift if unit != "m" else 0
        index = day.year * 12 + day.month - 1 - shift
        index -= index % months
        return _month_date(index + shift), _month_date(index + shift + months)

    def civil(self, unit, ms):
        first, after = self.unit_dates(unit, self.local_date(ms))
        return Window(unit, self.date_ms(first), self.date_ms(after))

    def cycle_of(self, ms):
        return self.civil(self.cycle, ms)

    def window(self, name, at):
        """The window of that name positioned by the instant `at`."""
        if isinstance(name, dict):
            return Window("%d..%d" % (name["start"], name["end"]), name["start"], name["end"])
        name = canonical_name(name)
        if name in CIVIL:
            return self.civil(name, at)
        if name == "g":
            return Window("g", at, at + 1, gauge=True)
        if name == "td":
            return Window("td", self.cycle_of(at).start, self.pane(at)[1])
        if name == "cy":
            window = self.cycle_of(self.cycle_of(at).start - 1)
            return Window("cy", window.start, window.end)
        if name == "live":
            end = self.pane(at)[1]
            return Window("live", end if self.go_live is None else min(self.go_live, end), end)
        if name == "5y":
            return self._five_years(at)
        if name in ROLLING_MS:
            length = ROLLING_MS[name]
            end = self.pane(at, MINUTE_MS if length <= HOUR_MS else HOUR_MS)[1]
            return Window(name, end - length, end, rolling=True)
        if ".." in name:
            return self._span(name)
        raise ValueError("unknown window: %s" % name)

    def _span(self, name):
        first, last = (parse_instant(part) for part in name.split(".."))
        return Window(name, self.pane(first)[0], self.pane(last - 1)[1])

    def _first_of(self, text):
        return (datetime.combine(date.fromisoformat(text), time(), tzinfo=self.zone).astimezone(timezone.utc)
                - _EPOCH) // timedelta(milliseconds=1)

    def years_later(self, ms, n):
        day = self.local_date(ms)
        if (day.month, day.day) == (2, 29) and (day.year + n) % 4:
            day = day.replace(day=28)
        return self.date_ms(day.replace(year=day.year + n))

    def _five_years(self, at):
        if self.go_live is None:
            year = self.civil("y", at)
            return Window("5y", self.years_later(year.start, -4), year.end)
        n = 0
        while self.years_later(self.go_live, n + 5) <= at:
            n += 5
        return Window("5y", self.years_later(self.go_live, n), self.years_later(self.go_live, n + 5))

    def previous(self, window):
        """The equal window before: the civil unit before, or the same length."""
        if window.name in CIVIL:
            return self.civil(window.name, window.start - 1)
        if window.name == "td":
            before = self.cycle_of(window.start - 1)
            return Window("td", before.start, before.end)
        length = window.end - window.start
        return Window(window.name, window.start - length, window.start)

    def same_elapsed(self, window, at):
        """The part of the previous civil unit that had elapsed at the same civil moment."""
        unit = self.cycle if window.name == "td" else window.name
        start = self.civil(unit, at).start
        before = self.civil(unit, start - 1)
        elapsed = self.local(self.pane(at)[1]).replace(tzinfo=None) \
            - self.local(start).replace(tzinfo=None)
        moment = (self.local(before.start).replace(tzinfo=None) + elapsed).replace(tzinfo=self.zone)
        end = (moment.astimezone(timezone.utc) - _EPOCH) // timedelta(milliseconds=1)
        return Window("prev", before.start, min(end, before.end))

    def year_ago(self, window, at):
        """The same window a civil year earlier; of a civil one the part that had elapsed."""
        unit = self.cycle if window.name == "td" else window.name
        if unit not in CIVIL:
            return Window("prev", self._year_earlier(window.start), self._year_earlier(window.end))
        whole = self.civil(unit, window.start)
        noon = whole.start + 12 * HOUR_MS
        earlier = noon - 364 * 24 * HOUR_MS if unit == "w" else self._year_earlier(noon)
        before = self.civil(unit, earlier)
        end = before.start + self.pane(at)[1] - whole.start
        return Window("prev", before.start, min(end, before.end))

    def _year_earlier(self, ms):
        moment = self.local(ms).replace(tzinfo=None)
        day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
        moment = moment.replace(year=moment.year - 1, day=day, tzinfo=self.zone)
        return (moment.astimezone(timezone.utc) - _EPOCH) // timedelta(milliseconds=1)

    def label(self, unit, ms):
        """2025-03, 2025-Q1, 2025-H1, 2025, 2025-W10, 2025-03-04."""
        first, _ = self.unit_dates(unit, self.local_date(ms))
        if unit == "d":
            return first.isoformat()
        if unit == "w":
            year, week, _ = first.isocalendar()
            return "%04d-W%02d" % (year, week)
        if unit == "m":
            return "%04d-%02d" % (first.year, first.month)
        index = first.year * 12 + first.month - 1 - self.fiscal_shift
        year, month = divmod(index, 12)
        if unit == "y":
            return "%04d" % year
        return "%04d-%s%d" % (year, unit.upper(), month // _MONTHS[unit] + 1)

    def parse_label(self, text):
        """(start, end) of a label as `label` makes them, FY in front or not; None if it is none."""
        found = re.fullmatch(r"(?:FY)?(\d{4})(?:-(Q|H)(\d)|-W(\d\d)|-(\d\d)(?:-(\d\d))?)?", text)
        if not found:
            return None
        year, unit, part, week, month, day = found.groups()
        try:
            if day:
                first = date(int(year), int(month), int(day))
                return self.date_ms(first), self.date_ms(first + timedelta(days=1))
            if week:
                first = date.fromisocalendar(int(year), int(week), 1)
                return self.date_ms(first), self.date_ms(first + timedelta(days=7))
            months = 1 if month else _MONTHS[unit.lower()] if unit else 12
            shift = 0 if month else self.fiscal_shift
            index = int(year) * 12 + shift + (int(month) - 1 if month else (int(part) - 1) * months if part else 0)
            return self.date_ms(_month_date(index)), self.date_ms(_month_date(index + months))
        except ValueError:
            return None

    def days(self, start, end):
        """Civil days (date, start, end) that start inside [start, end)."""
        day = self.local_date(start)
        if self.date_ms(day) < start:
            day += timedelta(days=1)
        while self.date_ms(day) < end:
            yield day, self.date_ms(day), self.date_ms(day + timedelta(days=1))
            day += timedelta(days=1)

    # -- working time: every day is looked at, one by one

    def hours_of(self, day):
        """[(opens, closes)] of a date, in ms since 1970; a holiday has none."""
        if day in self.holidays:
            return []
        return [(self._clock(day, opens), self._clock(day, closes))
                for opens, closes in self.hours.get(day.weekday(), ())]

    def business_ms(self, start, end):
        total, day = 0, self.local_date(start) - timedelta(days=1)
        while end > start and self.date_ms(day) < end:
            total += sum(max(0, min(end, last) - max(start, first)) for first, last in self.hours_of(day))
            day += timedelta(days=1)
        return total

    def business_next(self, ms):
        """The first working instant not before ms."""
        for ahead in range(-1, 400):
            for first, last in self.hours_of(self.local_date(ms) + timedelta(days=ahead)):
                if ms < last:
                    return max(ms, first)
        return ms

    def business_share(self, start, end, at):
        """Working days of [start, end) that have passed, the present one by its working time."""
        days = [(s, e) for day, s, e in self.days(start, end) if self.hours_of(day)]
        if not days:
            return Fraction(max(0, min(at, end) - start), end - start)
        return sum((Fraction(self.business_ms(s, max(s, min(at, e))), self.business_ms(s, e)) for s, e in days),
                   Fraction(0)) / len(days)

    def _clock(self, day, minutes):
        moment = datetime.combine(day + timedelta(days=minutes // 1440), time(minutes % 1440 // 60, minutes % 60),
                                  tzinfo=self.zone)
        return (moment.astimezone(timezone.utc) - _EPOCH) // timedelta(milliseconds=1)


def parse_hours(text):
    """"mon=09:00-18:00,sat=10:00-12:00,sat=13:00-14:00" -> {weekday: [(minutes, minutes)]}"""
    result = {}
    for item in text.split(","):
        name, span = item.split("=")
        minutes = [int(t[:2]) * 60 + int(t[3:]) for t in span.split("-")]
        day = [w[:3] for w in _WEEKDAYS].index(name)
        result.setdefault(day, []).append(tuple(minutes))
    return result


def _month_date(index):
    year, month = divmod(index, 12)
    return date(year, month + 1, 1)

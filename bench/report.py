"""Tables of a run of scripts/bench out of its raw results, as Markdown.

    python3 bench/report.py build/bench-out/results.ndjson                            prints them
    python3 bench/report.py build/bench-out/results.ndjson --into bench/RESULTS.md    also puts them between the marks of that workload
"""
import argparse
import json
import pathlib
import platform
import re
import statistics
import subprocess

import stats

ORDER = ["drain", "crmpulse", "flink", "streams", "python"]
NAMES = {"drain": "raw drain (librdkafka)", "crmpulse": "crmpulse", "flink": "Flink 1.20.2", "streams": "Kafka Streams 4.1.0",
         "python": "Python consumer"}
# (title, figure of the first, first, second)
RATIOS = [
    ("events/s, crmpulse / raw drain", "events_per_s", "crmpulse", "drain"),
    ("CPU an event, crmpulse / raw drain", "cpu_us_per_event", "crmpulse", "drain"),
    *((f"CPU an event, {NAMES[peer]} / crmpulse", "cpu_us_per_event", peer, "crmpulse") for peer in ORDER[2:]),
    *((f"CPU an event without the start, {NAMES[peer]} / crmpulse", "running_cpu_us_per_event", peer, "crmpulse") for peer in ORDER[2:]),
    *((f"CPU an event with Redis and broker, {NAMES[peer]} / crmpulse", "all_cpu_us_per_event", peer, "crmpulse") for peer in ORDER[2:]),
    *((f"events/s, crmpulse / {NAMES[peer]}", "events_per_s", "crmpulse", peer) for peer in ORDER[2:]),
]


def output_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "?"
    return (done.stdout + done.stderr).strip()


def machine():
    cpu = memory = ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
        cpu = found[1] if found else platform.machine()
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = f"{int(file.readline().split()[1]) / 1e6:.0f} GB"
    java = re.search(r'version "([^"]*)"', output_of("java", "-version"))
    server = re.search(r"v=(\S+)", output_of("redis-server", "--version"))
    return {"cpu": cpu, "memory": memory, "kernel": platform.release(), "java": java[1] if java else "?",
            "redis": server[1] if server else "?", "python": platform.python_version()}


def setup(options, filled, answers):
    """What is said above the tables; the first line of the raw results."""
    load = output_of("cat", "/proc/loadavg").split()[0]
    cores = output_of("nproc")
    return {"workload": options.workload, "window": options.window, "events": options.events, "rounds": options.rounds, "seed": options.seed,
            "partitions": options.partitions, "codec": options.codec, "step_micros": options.step, "with": options.contestants,
            "set": options.set, "fill": filled, "answers": answers, "machine": {**machine(), "cores": cores, "load_before": load},
            "commit": output_of("git", "describe", "--always", "--dirty"), "date": output_of("date", "-u", "+%Y-%m-%d %H:%M UTC")}


def read(path):
    """(setup, rows)"""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return lines[0]["setup"], [scored(row) for row in lines[1:]]


def scored(row):
    """Adds the figures that follow from others. A row with wrong answers keeps its noise, and has no figure."""
    wrong = row["answers"] not in (None, "equal")
    n = row["events"]
    row["all_cpu_us_per_event"] = row["cpu_us_per_event"] + row["redis_cpu_us_per_event"] + row["broker_cpu_us_per_event"]
    row["running_cpu_us_per_event"] = None if row["start_cpu_s"] is None else (row["cpu_s"] - row["start_cpu_s"]) * 1e6 / n
    for name in list(row):
        if wrong and name.endswith(("_per_event", "_per_s", "_mb")):
            row[name] = None
    return row


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median_of(rows, figure):
    values = [row[figure] for row in rows if row.get(figure) is not None]
    return statistics.median(values) if values else None


FIGURES = [("events/s", "events_per_s"), ("CPU-us an event", "cpu_us_per_event"), ("without the start", "running_cpu_us_per_event"),
           ("Redis CPU-us", "redis_cpu_us_per_event"), ("broker CPU-us", "broker_cpu_us_per_event"), ("peak RSS MB", "rss_peak_mb"),
           ("start s", "start_s")]


def medians_table(rows):
    lines = ["| median of the rounds | " + " | ".join(title for title, _ in FIGURES) + " | answers |", "|---" * (len(FIGURES) + 2) + "|"]
    for what in ORDER:
        of = [row for row in rows if row["what"] == what]
        if of:
            answers = sorted({row["answers"] or "-" for row in of})
            lines.append(f"| {NAMES[what]} | " + " | ".join(number(median_of(of, figure)) for _, figure in FIGURES) + f" | {'; '.join(answers)} |")
    return lines


def ratios_table(rows):
    lines = ["| ratio, paired by round | median | 95 % interval | rounds |", "|---|---|---|---|"]
    for title, figure, a, b in RATIOS:
        spread = stats.spread(stats.paired(rows, a, b, figure))
        if spread:
            lines.append(f"| {title} | **{number(spread['median'])}** | {number(spread['low'])} .. {number(spread['high'])} | {spread['n']} |")
    return lines


def rounds_table(rows, dirty):
    names = [what for what in ORDER if any(row["what"] == what for row in rows)]
    lines = ["| round | " + " | ".join(f"{NAMES[what]}: events/s, CPU-us" for what in names) + " | dirty |", "|---" * (len(names) + 2) + "|"]
    for n in sorted({row["round"] for row in rows}):
        of = {row["what"]: row for row in rows if row["round"] == n}
        cells = [f"{number(of[what]['events_per_s'])}, {number(of[what]['cpu_us_per_event'])}" if what in of else "-" for what in names]
        lines.append(f"| {n} | " + " | ".join(cells) + f" | {'; '.join(dirty.get(n, [])) or 'no'} |")
    return lines


def tables(about, rows):
    machine_, filled = about["machine"], about["fill"]
    dirty = stats.dirty(rows)
    used, clean = stats.counted(rows)
    which = f"{len(dirty)} of {len({row['round'] for row in rows})} rounds were dirty" + (
        "; medians and ratios are of the clean ones." if clean and dirty else "." if clean else ", so medians and ratios are of all: run it again.")
    command = (f"scripts/bench --workload {about['workload']} --window {about['window']} --rounds {about['rounds']} --events {about['events']} "
               f"--step {about['step_micros']} --seed {about['seed']} --with {','.join(about['with'])}"
               + "".join(f" --set {setting}" for setting in about["set"]))
    peers = {row["what"]: row["settings"] for row in rows if row.get("settings")}
    commands = median_of([row for row in used if row["what"] == "crmpulse"], "redis_commands_per_event")
    return "\n".join([
        f"`{command}`, {about['date']}, commit {about['commit']}. {machine_['cpu']}, {machine_['cores']} cores shared by broker, Redis and contestant, "
        f"{machine_['memory']}, Linux {machine_['kernel']}, Java {machine_['java']}, Redis {machine_['redis']}; load before {machine_['load_before']}.",
        "",
        f"{about['events']:,} messages of {filled['bytes_per_event']} bytes, {filled['duplicates']:,} of them duplicates, {filled['late']:,} events late, "
        f"{about['partitions']} partitions, {about['codec']}; {about['answers']:,} answers. {which}",
        "", *medians_table(used), "", *ratios_table(used), "",
        *([f"Redis commands an event, crmpulse: {number(commands)}.", ""] if commands is not None else []),
        *rounds_table(rows, dirty), "",
        *(f"- {NAMES[what]}: {text}" for what, text in peers.items())])


def put_into(path, workload, text):
    """Replaces what stands between the marks of the workload; adds them at the end if they are not there."""
    begin, end = f"<!-- {workload}: written by bench/report.py -->", f"<!-- {workload}: end -->"
    old = path.read_text(encoding="utf-8")
    block = f"{begin}\n{text}\n{end}"
    if begin in old:
        head, rest = old.split(begin, 1)
        new = head + block + rest.split(end, 1)[1]
    else:
        new = f"{old.rstrip()}\n\n{block}\n"
    path.write_text(new, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--into", type=pathlib.Path)
    options = parser.parse_args()
    about, rows = read(options.results)
    text = tables(about, rows)
    print(text)
    if options.into:
        put_into(options.into, about["workload"], text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""generate.py PROGRAM VERSION OUT: man pages and completions, out of what the program says of itself (`help`, `COMMAND --help`, `check --sample`), so that they
cannot say anything else. Fails if a command has no help or a key no description."""
import re
import subprocess
import sys
from pathlib import Path

EXIT_CODES = """.SH EXIT STATUS
.TP
0
Success; the daemon ended in an orderly way.
.TP
1
It failed, or the store or the brokers refuse to work with it.
.TP
2
A test case failed (crmpulse test).
.TP
64
Wrong options.
.TP
78
The configuration has an error, or does not fit what is in Redis.
"""
SIGNALS = """.SH SIGNALS
.TP
TERM, INT
End within five seconds: what is pending is flushed, judged and published as far as time allows, the rest is read again at the next start.
.TP
HUP
Read the configuration again and take it over, whole or not at all; the log says how it ended.
"""
FILES = """.SH FILES
.TP
/etc/crmpulse/crmpulse.yaml
The configuration of crmpulse.service and crmpulse-notify.service, see
.BR crmpulse.yaml (5).
.TP
/etc/crmpulse/NAME.yaml
That of crmpulse@NAME.service.
.TP
/etc/credstore/redis.password, /etc/credstore/kafka.password, /etc/credstore/http.token
Secrets that the services hand over as credential:redis.password, credential:kafka.password and credential:http.token.
.TP
/etc/credstore/notify.slack, /etc/credstore/notify.token, /etc/credstore/notify.password
Likewise for crmpulse-notify.service, as credential:notify.slack and so on.
.TP
/usr/share/doc/crmpulse/
Examples, and the rights that a user of Redis needs (redis-users.acl).
"""


def ask(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout


def roff(text):
    """Text as it stands, in roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return re.sub(r"(?m)^([.])", r"\\&\1", text)


def commands(program):
    found = re.findall(r"^  (\w+) +(.+)$", ask(program, "help"), re.M)
    if len(found) < 10:
        sys.exit("generate: crmpulse help lists no commands")
    return found


def usage(program, name):
    text = ask(program, name, "--help") if name != "version" else "usage: crmpulse version\n"
    if not text.startswith(f"usage: crmpulse {name}"):
        sys.exit(f"generate: crmpulse {name} --help says no usage")
    return text


def options(text):
    return sorted(set(re.findall(r"--[a-z][a-z-]+", text)) | {"--help"})


def man_program(program, version):
    out = [f'.TH CRMPULSE 1 "" "crmpulse {version}" "User Commands"', ".SH NAME", "crmpulse \\- CRM events from Kafka to rolling KPI windows in Redis", ".SH SYNOPSIS",
           ".B crmpulse", ".I COMMAND", "[\\fIOPTION\\fR]...", ".SH DESCRIPTION",
           "A daemon that reads CRM events from Kafka, keeps KPI windows in Redis incrementally and exactly once, and publishes alerts, leaderboards and scorecards; and "
           "commands around it.", ".SH COMMANDS"]
    for name, what in commands(program):
        out += [".SS " + name, roff(what[0].upper() + what[1:]) + ".", ".PP", ".nf", roff(usage(program, name).rstrip("\n")), ".fi"]
    out += [EXIT_CODES + SIGNALS + FILES + ".SH SEE ALSO", ".BR crmpulse.yaml (5),", ".BR systemctl (1)"]
    return "\n".join(out) + "\n"


def keys(program):
    """(path, default, description) of each key, out of the sample file: a comment above each key, maps by indentation."""
    path, description = [], None
    for line in ask(program, "check", "--sample").splitlines():
        comment = re.match(r"^#\s+# (.*)$", line)
        key = re.match(r"^#(\s*)([a-z_]+):(.*)$", line)
        if comment:
            description = comment[1]
        elif key and not key[1].startswith(" " * 12):
            depth = len(key[1]) // 2
            path = [*path[:depth], key[2]]
            if description:
                yield ".".join(path), key[3].strip(), description
            description = None


def man_configuration(program, version):
    out = [f'.TH CRMPULSE.YAML 5 "" "crmpulse {version}" "File Formats"', ".SH NAME", "crmpulse.yaml \\- configuration of crmpulse", ".SH DESCRIPTION",
           "YAML. Durations carry a unit (250ms 10s 5m 1h 30d), sizes too (64KiB 1GiB). Keys marked (reload) are taken over by SIGHUP, the others by a restart. Every key can be "
           "given on the command line: \\-\\-set redis.shards=4. Beside these keys a file holds definitions: include, switches, orgs, measures, kpis, boards, rules, "
           "scorecards, targets; crmpulse init writes an example of most, and /usr/share/doc/crmpulse/examples has more.", ".SH KEYS"]
    n = 0
    for path, default, description in keys(program):
        n += 1
        out += [".TP", "\\fB" + roff(path) + "\\fR", roff(description) + (f". Default: {roff(default)}" if default else "") + "."]
    if n < 60:
        sys.exit(f"generate: the sample file has {n} keys")
    return "\n".join([*out, ".SH SEE ALSO", ".BR crmpulse (1)"]) + "\n"


def completion_bash(table):
    cases = "\n".join(f"        {name}) words='{' '.join(words)}' ;;" for name, _, words in table)
    return f"""# crmpulse(1) completion; generated
_crmpulse() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W '{' '.join(name for name, _, _ in table)} help --help --version' -- "$current")
        return
    fi
    case $previous in
        --config | --csv | --map) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    esac
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}}
complete -o filenames -F _crmpulse crmpulse
"""


def completion_zsh(table):
    quoted = lambda text: text.replace("'", "'\\''").replace(":", "\\:")  # noqa: E731
    names = "\n".join(f"        '{name}:{quoted(what)}'" for name, what, _ in table)
    cases = "\n".join(f"            {name}) offered=({' '.join(words)}) ;;" for name, _, words in table)
    return f"""#compdef crmpulse
# crmpulse(1) completion; generated
_crmpulse() {{
    local -a commands offered
    commands=(
{names}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    case $words[2] in
{cases}
    esac
    if [[ $PREFIX == -* ]]; then
        compadd -- $offered
    else
        _files
    fi
}}
_crmpulse "$@"
"""


def main():
    program, version, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    table = [(name, what, options(usage(program, name))) for name, what in commands(program)]
    for name, text in (("crmpulse.1", man_program(program, version)), ("crmpulse.yaml.5", man_configuration(program, version)),
                       ("crmpulse.bash", completion_bash(table)), ("_crmpulse", completion_zsh(table)),
                       ("crmpulse.yaml", ask(program, "init", "-"))):
        (out / name).write_text(text, encoding="utf-8")


main()

#!/bin/sh
# A seed does the same alone as after others, and prints a digest that says so. alone.sh SIM
set -eu
among=$("$1" --seeds 1..30 --digest | grep '^seed ' | tail -n 2)
alone=$("$1" --seeds 29 --digest | grep '^seed '; "$1" --seeds 30 --digest | grep '^seed ')
if [ -z "$alone" ] || [ "$among" != "$alone" ]; then
    printf 'among others:\n%s\nalone:\n%s\n' "$among" "$alone"
    exit 1
fi

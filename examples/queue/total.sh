#!/bin/sh
# Adds up an order: lines of an article, how many of it, and its price in cents. What is no such line fails the order.
set -eu

total=$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH" .csv).txt
awk -F, '
  NF != 3 || $2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ { print "line " NR " is no order: " $0; exit bad = 1 }
  { sum += $2 * $3 }
  END {
    if (bad) exit 1
    if (NR == 0) { print "the order is empty"; exit 1 }
    printf "%d.%02d\n", sum / 100, sum % 100
  }
' <"$INPUT_FILE_PATH" >"$total" || { cat "$total"; exit 1; }
echo "$STORAGE_OBJECT_KEY costs $(cat "$total")"

#!/bin/sh
# Makes a text to read out of captions: without their numbers, times and line ends.
set -eu

name=$(basename "$INPUT_FILE_PATH")
# A caption is a number, a line of times, lines of text, and an empty line.
tr -d '\r' <"$INPUT_FILE_PATH" |
  awk 'BEGIN { RS = ""; FS = "\n" } { for (i = 3; i <= NF; i++) print $i }' |
  sed 's/<[^>]*>//g' | fmt -w 72 >"$TMP_OUTPUT_DIR/${name%.*}.txt"

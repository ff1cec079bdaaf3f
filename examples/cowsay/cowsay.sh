#!/bin/sh
# A cow says what the file says. If there is no file, or nothing in it, it tells a fortune.
set -eu

PATH=$PATH:/usr/games
if [ -s "${INPUT_FILE_PATH:-}" ]; then
  text=$(cat "$INPUT_FILE_PATH")
else
  text=$(fortune)
fi
name=${INPUT_FILE_PATH:-fortune.txt}
cow=$(printf '%s\n' "$text" | cowsay)
printf '%s\n' "$cow" | tee "$TMP_OUTPUT_DIR/${name##*/}"

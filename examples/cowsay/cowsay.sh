#!/bin/sh
# A cow says what the file says. If that is nothing, it tells a fortune.
set -eu

PATH=$PATH:/usr/games
if [ -s "$INPUT_FILE_PATH" ]; then
  cat "$INPUT_FILE_PATH"
else
  fortune
fi | cowsay | tee "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"

#!/bin/sh
# Makes speech as loud as it is on television (EBU R 128), and small: one channel of 16,000 samples a second.
set -eu

ffmpeg -nostdin -nostats -loglevel warning -i "file:$INPUT_FILE_PATH" -af loudnorm=I=-23:TP=-2 -ac 1 -ar 16000 \
  "file:$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"

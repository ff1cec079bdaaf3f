#!/bin/sh
# Lets darknet find balls in a picture: a text with what they are, and the picture with boxes around them.
set -eu

name=$(basename "$INPUT_FILE_PATH")
name=${name%.*}
printf 'classes=3\nnames=%s/balls.names\n' "$EXTRA_PAYLOAD" >balls.data
# What is no picture is an empty one to darknet, and no error.
if ! darknet detector test balls.data "$EXTRA_PAYLOAD/balls.cfg" "$EXTRA_PAYLOAD/balls.weights" "$INPUT_FILE_PATH" \
  -thresh 0.5 -out "$TMP_OUTPUT_DIR/$name" >said 2>log || grep -q 'Cannot load image' log; then
  cat log >&2
  exit 1
fi
sed -n '/ ball: /p' said | sort | tee "$TMP_OUTPUT_DIR/$name.txt"

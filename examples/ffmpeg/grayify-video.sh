#!/bin/sh
# Makes a gray film of JPEG pictures out of a video of any kind.
set -eu

name=$(basename "$INPUT_FILE_PATH")
ffmpeg -nostdin -nostats -loglevel warning -i "file:$INPUT_FILE_PATH" -vf hue=s=0 -an -c:v mjpeg -q:v 3 -pix_fmt yuvj420p \
  "file:$TMP_OUTPUT_DIR/${name%.*}.avi"

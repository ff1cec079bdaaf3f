#!/bin/sh
# Makes a picture of each frame of a video: ball.mp4 becomes ball-001.png, ball-002.png…
set -eu

name=$(basename "$INPUT_FILE_PATH")
name=${name%.*}
cd "$TMP_OUTPUT_DIR" # where a % in the name has no meaning to ffmpeg
mkdir .new
ffmpeg -nostdin -nostats -loglevel warning -i "file:$INPUT_FILE_PATH" .new/%03d.png
for frame in .new/*; do
  mv "$frame" "$name-${frame##*/}"
done

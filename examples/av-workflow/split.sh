#!/bin/sh
# Takes the sound and the captions out of a film, each into a file of its own. The pictures are not needed.
set -eu

name=$(basename "$INPUT_FILE_PATH")
out=$TMP_OUTPUT_DIR/${name%.*}
ffmpeg -nostdin -nostats -loglevel warning -i "file:$INPUT_FILE_PATH" -map 0:a:0 "file:$out.wav" -map 0:s:0 "file:$out.srt"

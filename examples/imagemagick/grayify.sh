#!/bin/sh
# Turns a picture gray. ImageMagick 7 is called magick, 6 is called convert.
set -eu

magick=$(command -v magick || command -v convert)
"$magick" "$INPUT_FILE_PATH" -colorspace Gray "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"

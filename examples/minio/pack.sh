#!/bin/sh
# Packs a log, and writes down what it was.
set -eu

: "${STORAGE_OBJECT_KEY:?a request that names no object of the server is refused}"
name=$(basename "$INPUT_FILE_PATH")
gzip -9 -c "$INPUT_FILE_PATH" >"$TMP_OUTPUT_DIR/$name.gz"
sha256sum <"$INPUT_FILE_PATH" | cut -d' ' -f1 >"$TMP_OUTPUT_DIR/$name.sha256"

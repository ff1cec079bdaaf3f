#!/bin/sh
# A script of the original's format is one of the shell: the program in R is in the payload.
set -eu

name=$(basename "$INPUT_FILE_PATH")
Rscript --vanilla "$EXTRA_PAYLOAD/fit.R" "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/${name%.*}"

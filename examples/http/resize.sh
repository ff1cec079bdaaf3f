#!/bin/sh
# Answers with the picture of the request, made as wide as ?width= says. Picture and query come from
# anybody: the width has to be a number, and the picture what its first bytes say it is. ImageMagick is told
# the format, since by itself it also reads formats that name other files or addresses.
set -eu

# refuse STATUS MESSAGE ends the request with a status and a line of text.
refuse() {
  echo "$1" >"$RESPONSE_DIR/status"
  echo 'Content-Type: text/plain' >"$RESPONSE_DIR/headers"
  echo "$2" >"$RESPONSE_DIR/body"
  exit 0
}

[ "${REQUEST_METHOD:-}" = POST ] || refuse 405 'send the picture with POST'

width=${width-320}
case $width in
  '' | 0* | *[!0-9]* | ?????*) refuse 400 'width wants a whole number from 1 to 4096' ;;
esac
[ "$width" -le 4096 ] || refuse 400 'width wants a whole number from 1 to 4096'

[ -s "${INPUT_FILE_PATH:-}" ] || refuse 400 'the request has no picture'
case $(od -An -tx1 -N12 "$INPUT_FILE_PATH" | tr -d ' \n') in
  ffd8ff*) format=jpeg ;;
  89504e470d0a1a0a*) format=png ;;
  47494638*) format=gif ;;
  52494646????????57454250) format=webp ;;
  *) refuse 400 'this is no picture in JPEG, PNG, GIF or WebP' ;;
esac

magick=$(command -v magick || command -v convert)
# The limits keep a small file that says it is a huge picture from taking all memory and time.
"$magick" -limit width 16KP -limit height 16KP -limit area 64MP -limit disk 0 -limit time 20 \
  "$format:$INPUT_FILE_PATH[0]" -auto-orient -resize "$width" "$format:$RESPONSE_DIR/body" ||
  refuse 400 'this picture is damaged, or too large'
echo "Content-Type: image/$format" >"$RESPONSE_DIR/headers"

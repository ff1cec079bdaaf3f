#!/bin/sh
# Sets an invoice for an order: awk writes it for groff and its table maker, and groff makes PDF of it.
set -eu

name=$(basename "$INPUT_FILE_PATH")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# An order is lines of fields between tabs: date, number and to, each with a text, and item, with a number, a name and a price.
awk -F '\t' '
  function wrong(why) { print FILENAME ":" FNR ": " why >"/dev/stderr"; failed = 1; exit 1 }
  # No text is a command: a backslash begins one of groff, and so do . and \047 at the beginning of a line. ^, ~ and ` would be accents.
  function text(s) {
    gsub(/\\/, "\\[rs]", s)
    gsub(/\^/, "\\[ha]", s)
    gsub(/~/, "\\[ti]", s)
    gsub(/`/, "\\[ga]", s)
    return "\\&" s
  }
  function cell(s) { return "T{\n" text(s) "\nT}" }
  function money(cents) { return sprintf("%.0f.%02d", int(cents / 100), cents % 100) }

  { sub(/\r$/, "") }
  $1 == "date" || $1 == "number" { head[$1] = $2; next }
  $1 == "to" { to = to ".br\n" text($2) "\n"; next }
  $1 == "item" {
    if ($2 !~ /^[1-9][0-9]?[0-9]?[0-9]?$/) wrong("there are 1 to 9999 of an item, not: " $2)
    if ($4 !~ /^[0-9]+\.[0-9][0-9]$/ || length($4) > 12) wrong("a price has two digits behind its point, not: " $4)
    price = $4
    sub(/\./, "", price)
    total += $2 * price
    items = items $2 "\t" cell($3) "\t" money(price) "\t" money($2 * price) "\n"
    next
  }
  NF { wrong("this is neither date, number, to nor item: " $1) }

  END {
    if (failed) exit 1
    if (items == "" || to == "" || !("date" in head) || !("number" in head)) wrong("an order has a date, a number, to and items")
    print ".ds CH\n.ds CF Page \\\\n[PN]"
    print ".LP\n.LG\n.B\n" text(ENVIRON["SELLER"]) "\n.R\n.NL\n.sp 2"
    print ".LP\n" to ".sp 2\n.B\n" text("Invoice " head["number"]) "\n.R\n.br\n" text(head["date"]) "\n.sp"
    print ".TS H\nexpand;\nlb lb rb rb\nn lw(9c) n n.\nNumber\tItem\tEach\tAmount\n_\n.TH"
    printf "%s", items
    print "_\n.T&\nl lb s nb.\n\tTotal in €\t" money(total) "\n.TE"
  }
' "$INPUT_FILE_PATH" >"$work/invoice.ms"

# groff leaves out what its fonts lack and only says so. An invoice lacks nothing.
groff -K utf8 -t -ms -T pdf -P -pa4 -dpaper=a4 "$work/invoice.ms" >"$work/invoice.pdf" 2>"$work/log"
if [ -s "$work/log" ]; then
  cat "$work/log" >&2
  exit 1
fi
mv "$work/invoice.pdf" "$TMP_OUTPUT_DIR/${name%.*}.pdf"

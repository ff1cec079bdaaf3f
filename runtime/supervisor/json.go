package supervisor

import (
	"time"
	"unicode/utf8"
)

// timeFormat is ISO 8601 in milliseconds, in UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"

// appendObject appends a line of the log as one JSON object. The summary is JSON already, or nil.
func appendObject(to []byte, level Level, id, message string, summary []byte) []byte {
	to = append(to, `{"time":"`...)
	to = time.Now().UTC().AppendFormat(to, timeFormat)
	to = append(append(append(to, `","level":"`...), level.String()...), `","requestId":`...)
	to = appendQuoted(to, id)
	to = append(to, `,"message":`...)
	to = appendQuoted(to, message)
	if summary != nil {
		to = append(append(to, `,"summary":`...), summary...)
	}
	return append(to, "}\n"...)
}

// appendQuoted appends text as a string of JSON; bytes that are no UTF-8 become U+FFFD. A script may write much, and
// encoding/json would write every < as six characters.
func appendQuoted(to []byte, text string) []byte {
	to = append(to, '"')
	for text != "" {
		plain := 0
		for plain < len(text) && isPlain(text[plain]) {
			plain++
		}
		to = append(to, text[:plain]...)
		if text = text[plain:]; text != "" {
			r, size := utf8.DecodeRuneInString(text)
			to = appendEscaped(to, r)
			text = text[size:]
		}
	}
	return append(to, '"')
}

// isPlain reports whether a byte is a character of ASCII that stands for itself in a string of JSON.
func isPlain(b byte) bool { return ' ' <= b && b < 0x7f && b != '"' && b != '\\' }

func appendEscaped(to []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(to, '\\', byte(r))
	case r == '\n':
		return append(to, `\n`...)
	case r == '\t':
		return append(to, `\t`...)
	case r == '\r':
		return append(to, `\r`...)
	case steersOutput(r):
		return append(to, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	return utf8.AppendRune(to, r)
}

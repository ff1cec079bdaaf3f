package s3

import (
	"net/http"
	"strings"
	"time"
)

// readConditions applies the conditional headers of GetObject and HeadObject, in the order of RFC 9110,
// which is what S3 documents. prefix is "X-Amz-Copy-Source-" for the source of a copy.
func readConditions(h http.Header, prefix string, o object) error {
	notModified := error(errNotModified)
	if prefix != "" {
		notModified = errPrecondition(strings.ToLower(prefix) + "If-None-Match")
	}
	modified := o.Modified.Truncate(time.Second)
	if match := h.Get(prefix + "If-Match"); match != "" {
		if !etagIn(match, o.ETag) {
			return errPrecondition("If-Match")
		}
	} else if t, err := http.ParseTime(h.Get(prefix + "If-Unmodified-Since")); err == nil && modified.After(t) {
		return errPrecondition("If-Unmodified-Since")
	}
	if none := h.Get(prefix + "If-None-Match"); none != "" {
		if etagIn(none, o.ETag) {
			return notModified
		}
	} else if t, err := http.ParseTime(h.Get(prefix + "If-Modified-Since")); err == nil && !modified.After(t) {
		return notModified
	}
	return nil
}

// etagIn says whether a list of ETags, quoted or not, or *, names this one.
func etagIn(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || strings.Trim(one, `"`) == etag {
			return true
		}
	}
	return false
}

// writeConditions are the conditional headers of calls that store or delete an object. They are
// checked in the transaction that does it.
type writeConditions struct{ match, none string }

func writeConditionsOf(h http.Header) (writeConditions, error) {
	c := writeConditions{match: h.Get("If-Match"), none: h.Get("If-None-Match")}
	if c.none != "" && c.none != "*" {
		return c, errInvalidArgument("If-None-Match", c.none, "The If-None-Match header of a write must be *")
	}
	return c, nil
}

func (c writeConditions) check(key string, old object, exists bool) error {
	switch {
	case c.match != "" && !exists:
		return errNoSuchKey(key)
	case c.match != "" && !etagIn(c.match, old.ETag):
		return errPrecondition("If-Match")
	case c.none != "" && exists:
		return errPrecondition("If-None-Match")
	}
	return nil
}

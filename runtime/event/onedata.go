package event

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// OneTrigger watches a space of Onedata and posts one event for each new file, as _post_event in
// https://github.com/grycap/onetrigger/blob/master/onetrigger/oneproviderclient.py does: the path, which begins with
// the space, stands beside the record and is not encoded; the time has no zone.
const (
	oneTriggerSource = "OneTrigger"
	onedataProvider  = "onedata"
)

// readOneTrigger reads one record of OneTrigger. In a list of several, only those with the name of the file that the
// event is about are known to be in its folder.
func (l *list) readOneTrigger(record value) (o *Object, at string, err error) {
	var file string
	for name, member := range record.members() {
		switch string(name) {
		case "eventTime":
			at = member.text()
		case "objectKey":
			file = member.text()
		}
	}
	full, err := l.key.name("the path of the file")
	if err != nil {
		return nil, at, err
	}
	if len(l.records) > 1 && file != path.Base(full) {
		return nil, at, fmt.Errorf("the event is about %q, the folder of %q is not known", full, file)
	}
	space, key, _ := strings.Cut(strings.TrimPrefix(full, "/"), "/")
	if space == "" || key == "" {
		return nil, at, errors.New("no file in a space of Onedata: " + full)
	}
	return &Object{Provider: onedataProvider, Bucket: space, Key: key}, at, nil
}

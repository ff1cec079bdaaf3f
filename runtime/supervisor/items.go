package supervisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

// failures are the items of an event that failed: there may be many, and a message has room for some.
type failures struct {
	count int
	first *job.Error
	list  strings.Builder // a line for each that may have room
}

// add takes down a failure, under the name that messages call the item by.
func (f *failures) add(name string, err *job.Error) {
	if f.count++; f.count == 1 {
		f.first = err
	}
	if f.list.Len() < maxMessage {
		fmt.Fprintf(&f.list, "\n%s: %s: %s", shown(name), err.Type, cut(err.Message, messageTail))
	}
}

// of is the failure of an event of so many items.
func (f *failures) of(items int) *job.Error {
	return &job.Error{Type: job.ErrRecordsFailed, Message: fmt.Sprintf("%d of %d records failed:%s", f.count, items, &f.list)}
}

// handleItems tries every item, whatever becomes of those before it. The reply to one item is that of its run; that to several
// is the end of all that their runs wrote.
func (v *invocation) handleItems(ctx context.Context) (*reply, *job.Error) {
	items := v.event.Items
	if len(items) == 1 {
		return v.handleItem(ctx, items[0])
	}
	all := newReply()
	var failed failures
	for _, item := range items {
		r, err := v.handleItem(ctx, item)
		if err != nil {
			failed.add(v.nameOf(item), err)
			continue
		}
		all.body = append(all.body, r.body...)
		all.body = all.body[max(0, len(all.body)-eventBody):]
	}
	if failed.count > 0 {
		return nil, failed.of(len(items))
	}
	return all, nil
}

// nameOf is what messages call an item.
func (v *invocation) nameOf(item event.Item) string {
	switch {
	case item.Object != nil && v.event.Kind != event.HTTP:
		return placeName(item.Object.Provider, item.Object.Bucket, item.Object.Key)
	case item.Message != nil:
		return "message " + item.Message.ID
	case v.event.Request != nil:
		return v.event.Request.Method + " " + v.event.Request.Path
	}
	switch v.event.Kind {
	case event.Objects:
		return "record"
	case event.Topic:
		return "message of a topic"
	case event.Schedule:
		return "schedule"
	}
	return "direct invocation"
}

// skip reports whether there is nothing to do for an object, and why.
func skip(o *event.Object) (why string, ok bool) {
	switch {
	case o == nil:
		return "", false
	case o.FolderMarker():
		return "it marks a folder", true
	case o.Provider == "" && strings.HasPrefix(o.Key, job.RecordsPrefix):
		return "it is a record of scar's own", true
	}
	return "", false
}

package supervisor

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

func TestPlaceName(t *testing.T) {
	for _, c := range []struct{ provider, bucket, key, want string }{
		{"", "b", "k", "s3://b/k"},
		{"s3", "b", "a/k", "s3://b/a/k"},
		{"s3.lab", "b", "k", "s3.lab/b/k"},
		{"minio.lab", "b", "k", "minio.lab/b/k"},
		{"webdav.nas", "", "a/k", "webdav.nas/a/k"},
	} {
		if got := placeName(c.provider, c.bucket, c.key); got != c.want {
			t.Errorf("placeName(%q, %q, %q) = %q, want %q", c.provider, c.bucket, c.key, got, c.want)
		}
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"s3://b/a \"k\" ü\\n": `s3://b/a "k" ü\n`, "s3://b/a\nforged": `s3://b/a\nforged`, "\u009b2J": `\u009b2J`, "\xff": `\xff`,
	} {
		if got := shown(name); got != want {
			t.Errorf("%q is shown as %s, want %s", name, got, want)
		}
	}
}

// providersJob has one provider of some types and two of another.
func providersJob() *job.Job {
	return &job.Job{
		Storage: map[string]job.Provider{
			"minio.one":    {Type: job.MinIO},
			"minio.two":    {Type: job.MinIO},
			"webdav.nas":   {Type: job.WebDAV},
			"onedata.eosc": {Type: job.Onedata, Space: "lab"},
		},
		Inputs: []job.Input{
			{Provider: "s3", Bucket: "photos", Prefix: "in/"},
			{Provider: "minio.one", Bucket: "b", Prefix: "in/"},
			{Provider: "minio.two", Bucket: "b", Prefix: "other/"},
			{Provider: "minio.two", Bucket: "both"}, {Provider: "minio.one", Bucket: "both"},
		},
	}
}

func TestLocate(t *testing.T) {
	for _, c := range []struct {
		name string
		in   event.Object
		want event.Object
		err  string
	}{
		{"own", event.Object{Bucket: "b", Key: "k"}, event.Object{Bucket: "b", Key: "k"}, ""},
		{"own by name", event.Object{Provider: "s3", Bucket: "b", Key: "k"}, event.Object{Bucket: "b", Key: "k"}, ""},
		{"name", event.Object{Provider: "minio.two", Bucket: "x", Key: "k"}, event.Object{Provider: "minio.two", Bucket: "x", Key: "k"}, ""},
		{"unknown name", event.Object{Provider: "minio.none", Bucket: "x", Key: "k"}, event.Object{},
			`the event names "x/k" in the storage provider "minio.none", the job has s3, minio.one, minio.two, onedata.eosc, webdav.nas`},
		{"unknown type", event.Object{Provider: "ftp", Bucket: "x", Key: "k"}, event.Object{}, `"ftp"`},
		{"type by input", event.Object{Provider: "minio", Bucket: "b", Key: "in/k"}, event.Object{Provider: "minio.one", Bucket: "b", Key: "in/k"}, ""},
		{"type by other input", event.Object{Provider: "minio", Bucket: "b", Key: "other/k"}, event.Object{Provider: "minio.two", Bucket: "b", Key: "other/k"}, ""},
		{"type without input", event.Object{Provider: "minio", Bucket: "b", Key: "k"}, event.Object{}, "the job has s3, minio.one"},
		{"type with several inputs", event.Object{Provider: "minio", Bucket: "both", Key: "k"}, event.Object{}, "name one of them"},
		{"only one of the type, a bucket becomes a folder", event.Object{Provider: "webdav", Bucket: "b", Key: "a/k"}, event.Object{Provider: "webdav.nas", Key: "b/a/k"}, ""},
		{"no bucket", event.Object{Provider: "webdav.nas", Key: "a/k"}, event.Object{Provider: "webdav.nas", Key: "a/k"}, ""},
		{"space", event.Object{Provider: "onedata", Bucket: "lab", Key: "a/k"}, event.Object{Provider: "onedata.eosc", Key: "a/k"}, ""},
		{"other space", event.Object{Provider: "onedata", Bucket: "office", Key: "a/k"}, event.Object{}, `"office/a/k"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := c.in
			got, err := locate(providersJob(), &given)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %+v, %v; want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
			if given != c.in {
				t.Errorf("the event was changed to %+v", given)
			}
		})
	}
}

// A caller by HTTP must not be able to have objects fetched that no input of another provider covers.
func TestRequestsMayNameObjectsOfInputsOnly(t *testing.T) {
	body := &event.File{Name: "body.json"}
	for _, c := range []struct {
		object event.Object
		taken  bool
	}{
		{event.Object{Provider: "minio", Bucket: "b", Key: "in/k"}, true},
		{event.Object{Provider: "minio.two", Bucket: "b", Key: "other/k"}, true},
		{event.Object{Provider: "minio.one", Bucket: "b", Key: "elsewhere/k"}, false},
		{event.Object{Provider: "minio.none", Bucket: "b", Key: "in/k"}, false},
		{event.Object{Provider: "webdav", Key: "k"}, false},
		{event.Object{Bucket: "photos", Key: "in/k"}, false},
		{event.Object{Provider: "s3", Bucket: "photos", Key: "in/k"}, false},
	} {
		v := &invocation{Supervisor: &Supervisor{Options: Options{Job: providersJob()}}, event: &event.Event{Kind: event.HTTP, Request: &event.Request{Method: "POST", Path: "/"}}}
		task := &task{invocation: v, item: event.Item{Object: &c.object, File: body}, file: body}
		if err := task.identify(); err != nil {
			t.Fatal(err)
		}
		if taken := task.object != nil; taken != c.taken || taken == (task.file != nil) {
			t.Errorf("%+v: object %+v, file %v", c.object, task.object, task.file)
		}
		if !c.taken && task.name() != "POST /" {
			t.Errorf("%+v: messages call it %q", c.object, task.name())
		}
	}
}

// Whoever may send a message must not be able to have objects of another provider fetched that no input covers. What of the
// account's own S3 may be fetched is for the role to say.
func TestEventsMayNameObjectsOfInputsOnly(t *testing.T) {
	for _, c := range []struct {
		object event.Object
		taken  bool
	}{
		{event.Object{Provider: "minio.one", Bucket: "b", Key: "in/k"}, true},
		{event.Object{Provider: "minio.one", Bucket: "b", Key: "elsewhere/k"}, false},
		{event.Object{Provider: "minio.one", Bucket: "private", Key: "in/k"}, false},
		{event.Object{Provider: "webdav", Key: "k"}, false},
		{event.Object{Provider: "onedata.eosc", Bucket: "lab", Key: "k"}, false},
		{event.Object{Bucket: "b", Key: "k"}, true},
		{event.Object{Provider: "s3", Bucket: "b", Key: "k"}, true},
	} {
		for _, kind := range []event.Kind{event.Objects, event.Queue, event.Topic} {
			v := &invocation{Supervisor: &Supervisor{Options: Options{Job: providersJob()}}, event: &event.Event{Kind: kind}}
			task := &task{invocation: v, item: event.Item{Object: &c.object}}
			err := task.identify()
			if taken := err == nil && task.object != nil; taken != c.taken {
				t.Errorf("%+v: %v, %v", c.object, task.object, err)
			}
			if !c.taken && (err == nil || err.Type != job.ErrBadEvent || !strings.Contains(err.Message, "no input of the function covers it")) {
				t.Errorf("%+v: %v", c.object, err)
			}
		}
	}
}

// A request's sequencer is anybody's word: what it says of the order of events must not outlive it.
func TestRequestsSayNothingOfTheOrder(t *testing.T) {
	object := event.Object{Provider: "minio.one", Bucket: "b", Key: "in/k", ETag: "e", Sequencer: "FFFF"}
	v := &invocation{Supervisor: &Supervisor{Options: Options{Job: providersJob()}}, event: &event.Event{Kind: event.HTTP}}
	task := &task{invocation: v, item: event.Item{Object: &object}}
	if err := task.identify(); err != nil || task.object == nil || task.object.Sequencer != "" || task.object.ETag != "e" {
		t.Errorf("%+v, %v", task.object, err)
	}
	if object.Sequencer == "" {
		t.Error("the event was changed")
	}
}

func TestCheckJob(t *testing.T) {
	records := &job.Records{Bucket: "b"}
	for _, c := range []struct {
		name, err string
		job       job.Job
	}{
		{"nothing", "", job.Job{}},
		{"all defined", "", job.Job{Storage: map[string]job.Provider{"minio.lab": {Type: job.MinIO}},
			Inputs: []job.Input{{Provider: "s3"}, {Provider: "minio.lab"}}, Outputs: []job.Output{{Provider: "minio.lab"}, {Provider: "s3"}}}},
		{"output", `an output goes to the storage provider "webdav.nas", the job has s3, minio.lab`,
			job.Job{Storage: map[string]job.Provider{"minio.lab": {}}, Outputs: []job.Output{{Provider: "webdav.nas"}}}},
		{"input", `an input is in the storage provider "minio", the job has s3`, job.Job{Inputs: []job.Input{{Provider: "minio"}}}},
		{"no provider", `the storage provider ""`, job.Job{Outputs: []job.Output{{Bucket: "b"}}}},
		{"dedupe", "", job.Job{Dedupe: true, Records: records}},
		{"dedupe without records", "dedupe needs records", job.Job{Dedupe: true}},
	} {
		err := checkJob(&c.job)
		var typed *job.Error
		switch {
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.err != "" && (!errors.As(err, &typed) || typed.Type != job.ErrBadJob || !strings.Contains(typed.Message, c.err)):
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
}

package s3

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func functionARN(name string) string {
	return "arn:aws:lambda:us-east-1:" + account + ":function:" + name
}

func notify(t testing.TB, c *s3.Client, bucket string, rules ...types.LambdaFunctionConfiguration) error {
	t.Helper()
	_, err := c.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, NotificationConfiguration: &types.NotificationConfiguration{LambdaFunctionConfigurations: rules}})
	return err
}

const created, removed = types.Event("s3:ObjectCreated:*"), types.Event("s3:ObjectRemoved:*")

func TestNotificationRulesAreChecked(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	b.fn.denied[functionARN("denied")] = true
	f, g := functionARN("f"), functionARN("g")
	long := strings.Repeat("p", 1024)
	type rules = []types.LambdaFunctionConfiguration
	for _, test := range []struct {
		name, message string
		rules         rules
	}{
		{"none", "", nil},
		{"one", "", rules{lambdaRule("a", f, "", "", created)}},
		{"prefixes apart", "", rules{lambdaRule("a", f, "in/", "", created), lambdaRule("b", g, "on/", "", created)}},
		{"suffixes apart", "", rules{lambdaRule("a", f, "in/", ".png", created), lambdaRule("b", g, "in/", ".jpg", created)}},
		{"events apart", "", rules{lambdaRule("a", f, "", "", created), lambdaRule("b", g, "", "", removed)}},
		{"prefix within prefix", msgOverlap, rules{lambdaRule("a", f, "in/", "", created), lambdaRule("b", g, "in/x/", "", created)}},
		{"everything", msgOverlap, rules{lambdaRule("a", f, "", "", created), lambdaRule("b", g, "in/x/", ".png", created)}},
		{"suffix within suffix", msgOverlap, rules{lambdaRule("a", f, "", "g", created), lambdaRule("b", g, "", ".jpg", created)}},
		{"prefix against suffix", msgOverlap, rules{lambdaRule("a", f, "in/", "", created), lambdaRule("b", g, "", ".jpg", created)}},
		{"general against special", msgOverlap, rules{lambdaRule("a", f, "", "", created), lambdaRule("b", g, "", "", "s3:ObjectCreated:Put")}},
		{"same prefix, encoded", msgOverlap, rules{lambdaRule("a", f, "a+b/", "", created), lambdaRule("b", g, "a%20b/", "", created)}},
		{"same id", msgSameID, rules{lambdaRule("a", f, "x", "", created), lambdaRule("a", g, "y", "", created)}},
		{"unknown event", msgEvent, rules{lambdaRule("a", f, "", "", "s3:ObjectCreated:Sometimes")}},
		{"long prefix", "", rules{lambdaRule("a", f, long, "", created)}},
		{"too long prefix", msgFilterSize, rules{lambdaRule("a", f, long+"p", "", created)}},
		{"not allowed", msgUnvalidated, rules{lambdaRule("a", f, "x", "", created), lambdaRule("b", functionARN("denied"), "y", "", created)}},
		{"not an ARN", msgARN, rules{lambdaRule("a", "function", "", "", created)}},
		{"another service", msgARN, rules{lambdaRule("a", "arn:aws:sqs:us-east-1:"+account+":q", "", "", created)}},
		{"another region", msgRegion, rules{lambdaRule("a", "arn:aws:lambda:eu-west-1:"+account+":function:f", "", "", created)}},
	} {
		err := notify(t, c, "photos", test.rules...)
		if test.message == "" {
			wantCode(t, test.name, err, "")
			continue
		}
		wantCode(t, test.name, err, "InvalidArgument")
		if err != nil && !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.message)
		}
	}
	_, err := c.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("photos"), SkipDestinationValidation: aws.Bool(true),
		NotificationConfiguration: &types.NotificationConfiguration{
			LambdaFunctionConfigurations: rules{lambdaRule("a", functionARN("denied"), "", "", created)}}})
	wantCode(t, "skipped validation", err, "")
}

// What foreign tools wrote must come back as they wrote it, known here or not.
func TestNotificationDocumentIsKept(t *testing.T) {
	sent := `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
	<TopicConfiguration><Id>topic &amp; more</Id><Topic>arn:aws:sns:us-east-1:123456789012:t</Topic>
		<Event>s3:ReducedRedundancyLostObject</Event><Event>s3:ObjectRestore:*</Event><Invented a="1"><Deep>x&lt;</Deep></Invented></TopicConfiguration>
	<QueueConfiguration><Queue>arn:aws:sqs:us-east-1:123456789012:q</Queue><Event>s3:ObjectRemoved:Delete</Event>
		<Filter><S3Key><FilterRule><Name>suffix</Name><Value> .png</Value></FilterRule></S3Key></Filter></QueueConfiguration>
	<CloudFunctionConfiguration><Id>f</Id><CloudFunction>arn:aws:lambda:us-east-1:123456789012:function:f</CloudFunction>
		<Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>
	<EventBridgeConfiguration/>
	</NotificationConfiguration>`
	root, rules, err := parseNotification([]byte(sent))
	if err != nil || len(rules) != 3 {
		t.Fatalf("%v, %v", rules, err)
	}
	doc := &document{}
	root.render(doc)
	want := `<NotificationConfiguration><TopicConfiguration><Id>topic &amp; more</Id><Topic>arn:aws:sns:us-east-1:123456789012:t</Topic>` +
		`<Event>s3:ReducedRedundancyLostObject</Event><Event>s3:ObjectRestore:*</Event><Invented><Deep>x&lt;</Deep></Invented></TopicConfiguration>` +
		`<QueueConfiguration><Id>` + rules[1].ID + `</Id><Queue>arn:aws:sqs:us-east-1:123456789012:q</Queue><Event>s3:ObjectRemoved:Delete</Event>` +
		`<Filter><S3Key><FilterRule><Name>Suffix</Name><Value> .png</Value></FilterRule></S3Key></Filter></QueueConfiguration>` +
		`<CloudFunctionConfiguration><Id>f</Id><CloudFunction>arn:aws:lambda:us-east-1:123456789012:function:f</CloudFunction>` +
		`<Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>`
	if d := cmp.Diff(want, doc.b.String()); d != "" {
		t.Error(d)
	}

	c := start(t).client()
	makeBucket(t, c, "photos")
	in := &types.NotificationConfiguration{
		EventBridgeConfiguration: &types.EventBridgeConfiguration{},
		QueueConfigurations: []types.QueueConfiguration{{Id: aws.String("q"), Events: []types.Event{removed},
			QueueArn: aws.String("arn:aws:sqs:us-east-1:" + account + ":q")}},
		TopicConfigurations: []types.TopicConfiguration{{Id: aws.String("t"), Events: []types.Event{"s3:ObjectTagging:Put"},
			TopicArn: aws.String("arn:aws:sns:us-east-1:" + account + ":t")}},
		LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{
			lambdaRule("one", functionARN("f"), "in/", ".png", created), lambdaRule("", functionARN("f"), "out/", "", created)},
	}
	read := func() *s3.GetBucketNotificationConfigurationOutput {
		out, err := c.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String("photos")})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	write := func(in *types.NotificationConfiguration) {
		if _, err := c.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
			Bucket: aws.String("photos"), NotificationConfiguration: in}); err != nil {
			t.Fatal(err)
		}
	}
	write(in)
	got := read()
	if got.EventBridgeConfiguration == nil || len(got.QueueConfigurations) != 1 || len(got.TopicConfigurations) != 1 ||
		len(got.LambdaFunctionConfigurations) != 2 || *got.LambdaFunctionConfigurations[1].Id == "" {
		t.Fatalf("got %+v", got)
	}
	if name := got.LambdaFunctionConfigurations[0].Filter.Key.FilterRules[0].Name; name != "Prefix" {
		t.Errorf("filter name %s, want Prefix as S3 answers it", name)
	}
	before := fmt.Sprintf("%v", flat(got))
	write(&types.NotificationConfiguration{EventBridgeConfiguration: got.EventBridgeConfiguration, QueueConfigurations: got.QueueConfigurations,
		TopicConfigurations: got.TopicConfigurations, LambdaFunctionConfigurations: got.LambdaFunctionConfigurations})
	if after := fmt.Sprintf("%v", flat(read())); after != before {
		t.Errorf("writing back what was read changed it:\n%s\n%s", before, after)
	}
	write(&types.NotificationConfiguration{})
	if got := read(); got.EventBridgeConfiguration != nil || len(got.LambdaFunctionConfigurations) != 0 {
		t.Errorf("after an empty one: %+v", got)
	}
}

// flat lists what a configuration says, in order.
func flat(c *s3.GetBucketNotificationConfigurationOutput) (out []string) {
	for _, q := range c.QueueConfigurations {
		out = append(out, *q.Id, *q.QueueArn)
	}
	for _, q := range c.TopicConfigurations {
		out = append(out, *q.Id, *q.TopicArn)
	}
	for _, l := range c.LambdaFunctionConfigurations {
		out = append(out, *l.Id, *l.LambdaFunctionArn, fmt.Sprint(l.Events))
		if l.Filter != nil {
			for _, r := range l.Filter.Key.FilterRules {
				out = append(out, string(r.Name), *r.Value)
			}
		}
	}
	return out
}

func FuzzParseNotification(f *testing.F) {
	f.Add([]byte(`<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:r:1:function:f</CloudFunction>` +
		`<Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>a%20</Value></FilterRule></S3Key></Filter>` +
		`</CloudFunctionConfiguration><EventBridgeConfiguration/></NotificationConfiguration>`))
	f.Add([]byte(`<NotificationConfiguration><QueueConfiguration><Id/><Queue>q</Queue><Event>s3:ObjectCreated:Put</Event>x</QueueConfiguration></NotificationConfiguration>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, rules, err := parseNotification(text)
		if err != nil {
			return
		}
		doc := &document{}
		root.render(doc)
		again, same, err := parseNotification(doc.b.Bytes())
		if err != nil {
			if strings.Contains(doc.b.String(), "&#x") {
				return // control characters are written as S3 does, which XML forbids
			}
			t.Fatalf("what was written cannot be read: %v\n%s", err, doc.b.String())
		}
		if !cmp.Equal(rules, same) {
			t.Errorf("rules changed: %s", cmp.Diff(rules, same))
		}
		twice := &document{}
		again.render(twice)
		if !slices.Equal(doc.b.Bytes(), twice.b.Bytes()) {
			t.Errorf("%s became %s", doc.b.String(), twice.b.String())
		}
	})
}

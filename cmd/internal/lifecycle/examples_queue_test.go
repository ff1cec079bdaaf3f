package lifecycle

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/runtime/job"
)

// poison is the order in the middle of the thousand, which make-orders damages.
const (
	orders = 1000
	poison = "orders/order-0500.csv"
)

// bucket is the account's S3, for what would take the AWS CLI too long.
func (c *cli) bucket() *s3.Client {
	return s3.New(s3.Options{
		Region: local.DefaultRegion, BaseEndpoint: sdk.String(c.variable("AWS_ENDPOINT_URL")), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
	})
}

// put stores every file of a folder below a prefix.
func (c *cli) put(folder, bucket, prefix string) {
	c.t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.dir, folder))
	if err != nil {
		c.t.Fatal(err)
	}
	client := c.bucket()
	g, ctx := errgroup.WithContext(c.t.Context())
	g.SetLimit(8)
	for _, e := range entries {
		g.Go(func() error {
			f, err := os.Open(filepath.Join(c.dir, folder, e.Name()))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: sdk.String(prefix + e.Name()), Body: f})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// keys lists what is below a prefix.
func (c *cli) keys(bucket, prefix string) []string {
	c.t.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(c.bucket(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

func (c *cli) object(bucket, key string) []byte {
	c.t.Helper()
	out, err := c.bucket().GetObject(c.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		c.t.Fatalf("read s3://%s/%s: %v", bucket, key, err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return content
}

// deliveries counts how often each order was given to the function, whatever came of it.
func (e *ended) deliveries() map[string]int {
	count := map[string]int{}
	all, _ := e.list()
	for _, invocation := range all {
		for _, key := range orderKey.FindAllString(string(invocation.Payload), -1) {
			count[key]++
		}
	}
	return count
}

var (
	orderKey = regexp.MustCompile(`orders/order-[0-9]{4}\.csv`)
	costs    = regexp.MustCompile(`(orders/order-[0-9]{4}\.csv) costs [0-9]+\.[0-9]{2}`)
	summary  = regexp.MustCompile(`"s3://scar-shop/(orders/order-[0-9]{4}\.csv)" status=([A-Za-z.]+)`)
)

// TestAThousandOrdersAreAddedUpOnce puts a thousand files through the queue, one of which never works. The queue's times are the
// test's to pass: an attempt that failed is repeated after a minute, six times the function's time.
func TestAThousandOrdersAreAddedUpOnce(t *testing.T) {
	c := newExample(t, "queue")
	c.debianImage("busybox.tar", "busybox-static")
	now, seen := c.upAtWill()
	c.converge()
	c.run(filepath.Join(c.dir, "make-orders"), fmt.Sprint(orders), "orders")
	began := time.Now()
	c.put("orders", "scar-shop", "orders/")
	patiently(t, "999 results", func() bool { return len(c.keys("scar-shop", "totals/")) == orders-1 })
	t.Logf("%d orders took %s", orders, time.Since(began).Round(time.Second))
	for attempt := 1; attempt <= 3; attempt++ {
		patiently(t, fmt.Sprintf("attempt %d on the poison", attempt), func() bool { return seen.deliveries()[poison] == attempt })
		now.Advance(61 * time.Second)
	}

	dead := c.deadLetter()
	if !strings.Contains(dead, `"key":"`+poison+`"`) || len(orderKey.FindAllString(dead, -1)) != 1 {
		t.Errorf("the dead letter does not name the poison and nothing else: %s", dead)
	}
	c.countsEachOnce(seen)
	c.saysDuplicates(seen)
	c.leaveNothing()
}

// deadLetter waits for the one message in the dead-letter queue, and expects the other queue to be empty.
func (c *cli) deadLetter() string {
	c.t.Helper()
	dead := c.queue("scar_dead-shop_total")
	var got struct{ Messages []struct{ Body string } }
	patiently(c.t, "the dead letter", func() bool {
		if out := c.run("aws", "sqs", "receive-message", "--queue-url", dead, "--max-number-of-messages", "10"); strings.TrimSpace(out) != "" {
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				c.t.Fatal(err)
			}
		}
		return len(got.Messages) > 0
	})
	if len(got.Messages) != 1 {
		c.t.Errorf("%d dead letters were received", len(got.Messages))
	}
	for queue, want := range map[string][2]string{dead: {"0", "1"}, c.queue("scar-shop_total"): {"0", "0"}} {
		var counted struct{ Attributes map[string]string }
		c.ask(&counted, "sqs", "get-queue-attributes", "--queue-url", queue, "--attribute-names", "All")
		// What has just been received is there and not visible.
		got := [2]string{counted.Attributes["ApproximateNumberOfMessages"], counted.Attributes["ApproximateNumberOfMessagesNotVisible"]}
		if got != want {
			c.t.Errorf("%s has %s messages and %s that are being processed, want %s", queue, got[0], got[1], want)
		}
	}
	return got.Messages[0].Body
}

func (c *cli) queue(name string) string {
	c.t.Helper()
	return strings.TrimSpace(c.run("aws", "sqs", "get-queue-url", "--queue-name", name, "--output", "text"))
}

// countsEachOnce compares what the script, the runtime, the records and the backend say of how often each order ran.
func (c *cli) countsEachOnce(seen *ended) {
	c.t.Helper()
	log := c.run("scar", "logs", "--local", "total")
	ran := map[string]int{}
	for _, match := range costs.FindAllStringSubmatch(log, -1) {
		ran[match[1]]++
	}
	statuses := map[string][]string{}
	for _, match := range summary.FindAllStringSubmatch(log, -1) {
		statuses[match[1]] = append(statuses[match[1]], match[2])
	}
	delivered, attempts := seen.deliveries(), c.attempts()
	if len(statuses) != orders || len(attempts) != orders {
		c.t.Errorf("the log has %d orders, there are records of %d, want %d of each", len(statuses), len(attempts), orders)
	}
	for key, said := range statuses {
		want, times := []string{"done"}, 1
		if key == poison {
			want, times = []string{"Scar.ScriptFailed", "Scar.ScriptFailed", "Scar.ScriptFailed"}, 3
		}
		if !slices.Equal(said, want) || ran[key] != strings.Count(strings.Join(said, " "), "done") || delivered[key] != times || attempts[key] != times {
			c.t.Errorf("%s: the log says %s, the script that it ran %d times, the backend that it was delivered %d times, its record has %d attempts",
				key, said, ran[key], delivered[key], attempts[key])
		}
	}
}

// order is one that was delivered, and the message that brought it. The first message of all is the test of S3 that it may send.
func (e *ended) order(t testing.TB) (key, message string) {
	t.Helper()
	all, _ := e.list()
	for _, invocation := range all {
		var event struct{ Records []struct{ Body string } }
		if err := json.Unmarshal(invocation.Payload, &event); err != nil {
			t.Fatalf("the batch %s: %v", invocation.Payload, err)
		}
		for _, r := range event.Records {
			if key := orderKey.FindString(r.Body); key != "" && key != poison {
				return key, r.Body
			}
		}
	}
	t.Fatal("no order was delivered")
	return "", ""
}

// attempts are those of all records, by the object's key.
func (c *cli) attempts() map[string]int {
	c.t.Helper()
	attempts := map[string]int{}
	for _, key := range c.keys("scar-shop", ".scar/total/") {
		var r job.Record
		if err := json.Unmarshal(c.object("scar-shop", key), &r); err != nil {
			c.t.Fatalf("the record %s: %v", key, err)
		}
		attempts[r.Key] = r.Attempts
	}
	return attempts
}

// saysDuplicates delivers a message again, as SQS may, and expects it to be told from a first one.
func (c *cli) saysDuplicates(seen *ended) {
	c.t.Helper()
	key, message := seen.order(c.t)
	c.write("message", message)
	c.run("aws", "sqs", "send-message", "--queue-url", c.queue("scar-shop_total"), "--message-body", "file://message")
	patiently(c.t, "the message that came again", func() bool { return seen.deliveries()[key] == 2 })
	log := c.run("scar", "logs", "--local", "total", "--filter", `"`+key+`"`)
	if !strings.Contains(log, `"s3://scar-shop/`+key+`" status=duplicate`) || strings.Count(log, key+" costs") != 1 {
		c.t.Errorf("of a message that came twice the log says:\n%s", log)
	}
}

// patiently is eventually, for what takes a busy machine more than a minute.
func patiently(t testing.TB, what string, ask func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for !ask() {
		if time.Now().After(deadline) {
			t.Fatalf("waited five minutes for: %s", what)
		}
		time.Sleep(100 * time.Millisecond) // between two questions, not for the answer
	}
}

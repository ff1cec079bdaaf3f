package sqs

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/wire"
)

// post makes a call of the query protocol.
func (b *backend) post(t *testing.T, form string) (status int, body string) {
	t.Helper()
	response, err := http.Post(b.url, "application/x-www-form-urlencoded", strings.NewReader(form))
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(text)
}

func TestTheQueryProtocol(t *testing.T) {
	b := start(t)
	queue := url.QueryEscape(b.url + "/" + account + "/q")
	for _, c := range []struct {
		form   string
		status int
		want   []string // parts of the answer
	}{
		{"Action=CreateQueue&QueueName=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=60&Tag.1.Key=k&Tag.1.Value=v", 200,
			[]string{"<CreateQueueResponse xmlns=\"" + namespace + "\"><CreateQueueResult><QueueUrl>" + b.url + "/" + account + "/q</QueueUrl></CreateQueueResult>", "<RequestId>request</RequestId>"}},
		{"Action=GetQueueAttributes&QueueUrl=" + queue + "&AttributeName.1=VisibilityTimeout&AttributeName.2=QueueArn", 200,
			[]string{"<Attribute><Name>QueueArn</Name><Value>arn:aws:sqs:us-east-1:" + account + ":q</Value></Attribute><Attribute><Name>VisibilityTimeout</Name><Value>60</Value></Attribute>"}},
		{"Action=ListQueueTags&QueueUrl=" + queue, 200, []string{"<Tag><Key>k</Key><Value>v</Value></Tag>"}},
		{"Action=ListQueues", 200, []string{"<ListQueuesResult><QueueUrl>"}},
		{"Action=SendMessage&QueueUrl=" + queue + "&MessageBody=a%26b&DelaySeconds=0&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v", 200,
			[]string{"<MD5OfMessageBody>b96e7bda9c9feee3259b177bd456b0a5</MD5OfMessageBody>", "<MD5OfMessageAttributes>", "<MessageId>"}},
		{"Action=ReceiveMessage&QueueUrl=" + queue + "&MaxNumberOfMessages=10&AttributeName.1=All&MessageAttributeName.1=All", 200,
			[]string{"<Message><MessageId>", "<Body>a&amp;b</Body>", "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>",
				"<MessageAttribute><Name>n</Name><Value><DataType>String</DataType><StringValue>v</StringValue></Value></MessageAttribute>"}},
		{"Action=SendMessageBatch&QueueUrl=" + queue + "&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=1&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=%01", 200,
			[]string{"<SendMessageBatchResultEntry><Id>a</Id>", "<BatchResultErrorEntry><Id>b</Id><Code>InvalidMessageContents</Code>", "<SenderFault>true</SenderFault>"}},
		{"Action=GetQueueUrl&QueueName=absent", 400, []string{"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>", "<Type>Sender</Type>"}},
		{"Action=ReceiveMessage&QueueUrl=" + queue + "&MaxNumberOfMessages=many", 400, []string{"<Code>SerializationException</Code>"}},
		{"Action=AddPermission&QueueUrl=" + queue, 501, []string{"does not serve sqs AddPermission"}},
		{"Action=DeleteQueue&QueueUrl=" + queue, 200, []string{"<DeleteQueueResponse"}},
	} {
		status, body := b.post(t, c.form)
		if status != c.status {
			t.Errorf("%s: %d", c.form, status)
		}
		for _, part := range c.want {
			if !strings.Contains(body, part) {
				t.Errorf("%s: there is no %s in %s", c.form, part, body)
			}
		}
	}
}

func TestFormsBecomeJSON(t *testing.T) {
	for form, want := range map[string]string{
		"Action=X&QueueUrl=u":                                                     `{"Action":"X","QueueUrl":"u"}`,
		"AttributeName.1=a&AttributeName.2=b":                                     `{"AttributeNames":["a","b"]}`,
		"AttributeName.10=b&AttributeName.9=a":                                    `{"AttributeNames":["a","b"]}`,
		"Attribute.1.Name=n&Attribute.1.Value=":                                   `{"Attributes":{"n":""}}`,
		"Attribute.1.Value=v":                                                     `{"Attributes":{}}`,
		"DeleteMessageBatchRequestEntry.1.Id=a":                                   `{"Entries":[{"Id":"a"}]}`,
		"MessageAttribute.1.Name=n&MessageAttribute.1.Value.BinaryValue=AQ%3D%3D": `{"MessageAttributes":{"n":{"BinaryValue":"AQ=="}}}`,
		"TagKey.1=k": `{"TagKeys":["k"]}`,
	} {
		values, err := url.ParseQuery(form)
		must(t, err)
		text, err := queryJSON(values)
		must(t, err)
		var got, wanted any
		must(t, json.Unmarshal(text, &got))
		must(t, json.Unmarshal([]byte(want), &wanted))
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: %s, want %s", form, text, want)
		}
	}
	if _, err := queryJSON(url.Values{strings.Repeat("a.", 20): {"x"}}); err == nil {
		t.Error("a parameter of any depth is taken")
	}
}

// FuzzCalls sends foreign bytes as calls of both protocols: whatever comes, the answer is no failure of the backend's own.
func FuzzCalls(f *testing.F) {
	b := open(f, f.TempDir(), clock.NewVirtual(fuzzTime))
	address := b.create(f, "q", nil)
	for _, operation := range []string{"CreateQueue", "SendMessage", "SendMessageBatch", "DeleteMessage", "ChangeMessageVisibility", "SetQueueAttributes", "GetQueueAttributes", "TagQueue"} {
		f.Add(operation, `{"QueueUrl":"`+address+`","MessageBody":"x","ReceiptHandle":"x","VisibilityTimeout":1,"Attributes":{"DelaySeconds":"0"}}`)
		f.Add(operation, "QueueUrl="+url.QueryEscape(address)+"&MessageBody=x&Attribute.1.Name=Policy&Attribute.1.Value=x&Entries.1.Id=x")
	}
	f.Add("ReceiveMessage", `{"QueueUrl":"`+address+`","WaitTimeSeconds":"x"}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if operation == "ReceiveMessage" && strings.Contains(body, "WaitTime") || strings.Contains(body, "ReceiveMessageWait") {
			return // nobody moves the clock
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		if strings.HasPrefix(body, "{") {
			r.Header.Set("X-Amz-Target", "AmazonSQS."+operation)
		} else {
			r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action="+url.QueryEscape(operation)+"&"+body))
		}
		call := wire.Call{Identity: wire.Identity{Account: account, AccessKey: "k"}}
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %q: %s", operation, body, w.Body)
		}
	})
}

func FuzzReceipts(f *testing.F) {
	f.Add("q", receipt("q", numberKey(7), "nonce"))
	f.Add("q", "")
	f.Add("q", "cSAwIHg=")
	f.Fuzz(func(t *testing.T, queue, handle string) {
		number, nonce, err := parseReceipt(queue, handle)
		if err != nil {
			return
		}
		again, same, err := parseReceipt(queue, receipt(queue, number, nonce))
		if err != nil || string(again) != string(number) || same != nonce {
			t.Errorf("%q is %x %q, and then %x %q, %v", handle, number, nonce, again, same, err)
		}
	})
}

package spec

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// described reads one function of these keys, without the disk.
func described(t *testing.T, keys string) Function {
	t.Helper()
	r := &report{}
	_, drafts, err := testGrammar().check(sourcesOf(in(keys)), Options{}, r)
	if err != nil || r.err() != nil {
		t.Fatalf("%s: %v %v", keys, err, r.err())
	}
	return drafts[0].Function
}

func TestTriggers(t *testing.T) {
	any := []string{"*"}
	for keys, want := range map[string]*HTTP{
		"http: false":                       nil,
		"http: true":                        {Auth: "iam"},
		"http: {}":                          {Auth: "iam"},
		"http: {auth: none, api: a.b-c_1}":  {Auth: "none", API: "a.b-c_1"},
		"http: {cors: true}":                {Auth: "iam", CORS: &CORS{Origins: any, Methods: any, Headers: any}},
		"http: {cors: false}":               {Auth: "iam"},
		"http: {cors: {origins: http://a}}": {Auth: "iam", CORS: &CORS{Origins: []string{"http://a"}, Methods: any, Headers: any}},
		"http: {cors: {origins: ['https://b.example.org:8443', https://a], methods: [POST, GET], headers: [X-B, a], expose: Z, credentials: true, max_age: 1h}}": {Auth: "iam",
			CORS: &CORS{
				Origins: []string{"https://a", "https://b.example.org:8443"}, Methods: []string{"GET", "POST"},
				Headers: []string{"a", "x-b"}, Expose: []string{"z"}, Credentials: true, MaxAge: 3600,
			}},
	} {
		if diff := cmp.Diff(want, described(t, keys).HTTP); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
	for keys, want := range map[string]*Schedule{
		"memory: 512":              nil,
		"schedule: rate(1 minute)": {Expression: "rate(1 minute)", Timezone: "UTC"},
		"schedule: {expression: 'cron(0 8 ? * MON-FRI *)', timezone: Europe/Berlin}": {Expression: "cron(0 8 ? * MON-FRI *)", Timezone: "Europe/Berlin"},
	} {
		if diff := cmp.Diff(want, described(t, keys).Schedule); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
	const queue = "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:pictures.fifo"
	for keys, want := range map[string]*Queue{
		"queue: false":                                                     nil,
		"queue: true\ninput: s3://abc":                                     {BatchSize: 10, Attempts: 5},
		"queue: {}\ninput: s3://abc":                                       {BatchSize: 10, Attempts: 5},
		"queue: {attempts: 1}\ninput: s3://abc":                            {BatchSize: 10, Attempts: 1},
		"queue: {arn: '" + queue + "'}":                                    {ARN: queue, BatchSize: 10},
		"queue: {max_concurrency: 2, arn: '" + queue + "', batch_size: 1}": {ARN: queue, BatchSize: 1, MaxConcurrency: 2},
	} {
		if diff := cmp.Diff(want, described(t, keys).Queue); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
}

func TestWhatLambdaIsTold(t *testing.T) {
	for keys, want := range map[string]int{"memory: 512": 0, "concurrency: 0": 0, "concurrency: 50": 50, "concurrency: {}": Unreserved} {
		f := described(t, keys)
		if f.Concurrency != want || f.ConcurrencyManaged != strings.HasPrefix(keys, "concurrency") {
			t.Errorf("%s: %d, managed %v", keys, f.Concurrency, f.ConcurrencyManaged)
		}
	}
	for keys, want := range map[string]Retries{
		"retries: {}":                         {Attempts: 2, MaxAge: 21600},
		"retries: {attempts: 0}":              {Attempts: 0, MaxAge: 21600},
		"retries: {attempts: 1, max_age: 6h}": {Attempts: 1, MaxAge: 21600},
		"retries: {max_age: 60}":              {Attempts: 2, MaxAge: 60},
	} {
		if got := described(t, keys).Retries; got != want {
			t.Errorf("%s: %+v", keys, got)
		}
	}
	for text, want := range map[string]string{
		"s3://failed":          "s3://failed",
		"s3://failed/":         "s3://failed",
		"arn:aws:s3:::failed":  "s3://failed",
		"arn:aws-cn:s3:::fail": "s3://fail",
		"arn:aws-cn:sqs:cn-north-1:123456789012:failed":                        "",
		"arn:aws:sns:eu-west-1:123456789012:failed":                            "",
		"arn:aws:events:eu-west-1:123456789012:event-bus/default":              "",
		"arn:aws-us-gov:lambda:us-gov-east-1:123456789012:function:failed":     "",
		"arn:aws:lambda:eu-west-1:123456789012:function:failed:live":           "",
		"arn:aws-eusc:lambda:eusc-de-east-1:123456789012:function:failed:live": "",
	} {
		if want == "" {
			want = text
		}
		if got := described(t, "on_failure: "+text).OnFailure; got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	f := described(t, "vpc: {subnets: [subnet-b, subnet-a], security_groups: sg-1}\nmounts: {access_point: '"+accessPointARN.example+"', path: /mnt/a.b_c-d}")
	if diff := cmp.Diff(&VPC{Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"}}, f.VPC); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Mount{{AccessPoint: accessPointARN.example, Path: "/mnt/a.b_c-d"}}, f.Mounts); diff != "" {
		t.Error(diff)
	}
}

func TestSchedules(t *testing.T) {
	for _, good := range []string{
		"rate(1 minute)", "rate(5 minutes)", "rate(1 hour)", "rate(2 hours)", "rate(1 day)", "rate(365 days)",
		"cron(0 10 * * ? *)", "cron(15 12 ? * * *)", "cron(0 18 ? * MON-FRI *)", "cron(0 8 1 * ? *)", "cron(0/10 * ? * MON-FRI *)",
		"cron(0/5 8-17 ? * MON-FRI *)", "cron(0 9 ? * 2#1 *)", "cron(0 0 L * ? *)", "cron(0 0 LW * ? *)", "cron(0 0 3W * ? *)", "cron(30 0 1 JAN,APR,JUL,OCT ? 2023-2030)",
		"cron(*/15 * * * ? *)", "cron(0 0 ? * 6L *)", "cron(0 0 ? * L *)", "cron(0 0 ? jan mon 2199)", "cron(59 23 31 12 ? 1970)",
	} {
		if problem := checkSchedule(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
	const wants = "wants rate(1 hour) or cron(minutes hours day-of-month month day-of-week year)"
	for bad, want := range map[string]string{
		"rate(1 hours)":                 "wants rate(1 hour), without the s",
		"rate(2 hour)":                  "wants rate(2 hours), with an s",
		"rate(0 minutes)":               "is below the minimum of one minute, rate(1 minute)",
		"rate(30 seconds)":              "wants minutes, hours or days, not seconds",
		"rate(1234567890 days)":         "1234567890 days are more than a schedule can wait",
		"rate(1.5 hours)":               wants + `, a whole number and minutes, hours or days in rate(…), not "rate(1.5 hours)"`,
		"hourly":                        wants + `, not "hourly"`,
		"0 8 * * 1":                     wants + "; five fields are the cron of Unix, the sixth here is the year, and one of the days is ?",
		"at(2030-01-01T00:00:00)":       "at(…) would start the function once, after which nothing is left to plan; " + wants,
		"cron(0 8 * * 1)":               "has 5 fields, cron(…) has 6: minutes hours day-of-month month day-of-week year",
		"cron(0 8 * * * *)":             "wants ? in exactly one of day-of-month and day-of-week, as in cron(0 8 ? * MON-FRI *)",
		"cron(0 8 ? * ? *)":             "wants ? in exactly one of day-of-month and day-of-week, as in cron(0 8 ? * MON-FRI *)",
		"cron(60 8 ? * MON *)":          `"60" is nothing for minutes, which wants numbers from 0 to 59 and , - * /`,
		"cron(0 24 ? * MON *)":          `"24" is nothing for hours, which wants numbers from 0 to 23 and , - * /`,
		"cron(0 8 32 * ? *)":            `"32" is nothing for day-of-month, which wants numbers from 1 to 31 and , - * / ? L W`,
		"cron(0 8 0 * ? *)":             `"0" is nothing for day-of-month, which wants numbers from 1 to 31 and , - * / ? L W`,
		"cron(0 8 ? 13 1 *)":            `"13" is nothing for month, which wants numbers from 1 to 12, JAN to DEC and , - * /`,
		"cron(0 8 ? * 0 *)":             `"0" is nothing for day-of-week, which wants numbers from 1 to 7, SUN to SAT and , - * ? L #`,
		"cron(0 8 ? * MON#6 *)":         `"MON#6" is nothing for day-of-week, which wants numbers from 1 to 7, SUN to SAT and , - * ? L #`,
		"cron(0 8 ? * MON 1969)":        `"1969" is nothing for year, which wants numbers from 1970 to 2199 and , - * /`,
		"cron(0 8 ? * MON 2200)":        `"2200" is nothing for year, which wants numbers from 1970 to 2199 and , - * /`,
		"cron(0/0 8 ? * MON *)":         `"0/0" is nothing for minutes, which wants numbers from 0 to 59 and , - * /`,
		"cron(? 8 ? * MON *)":           `"?" is nothing for minutes, which wants numbers from 0 to 59 and , - * /`,
		"cron(1,,2 8 ? * MON *)":        `"1,,2" is nothing for minutes, which wants numbers from 0 to 59 and , - * /`,
		strings.Repeat("x", 257):        "has 257 characters, 256 are allowed",
		"cron(0 8 ? * 1" + "/2" + " *)": `"1/2" is nothing for day-of-week, which wants numbers from 1 to 7, SUN to SAT and , - * ? L #`,
	} {
		if got := checkSchedule(bad); got != want {
			t.Errorf("%s: %q, want %q", bad, got, want)
		}
	}
}

func TestTimeZones(t *testing.T) {
	for _, good := range []string{"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT", "America/Port-au-Prince"} {
		if problem := checkZone(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
	for _, bad := range []string{"", "Local", "Europe/Berln", "europe/berlin", "../UTC", "/etc/localtime", "posix/UTC", "right/UTC", "posixrules", "UTC/", "+01:00", "CET+1 "} {
		if checkZone(bad) == "" {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestARNs(t *testing.T) {
	for sort, good := range map[*resourceSort][]string{
		&queueARN:       {"arn:aws:sqs:eu-west-1:123456789012:a", "arn:aws-cn:sqs:cn-northwest-1:123456789012:a.fifo", "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:" + strings.Repeat("a", 80)},
		&topicARN:       {"arn:aws-cn:sns:cn-north-1:123456789012:" + strings.Repeat("a", 256), "arn:aws:sns:us-east-1:123456789012:a.fifo"},
		&busARN:         {"arn:aws:events:eu-west-1:123456789012:event-bus/default", "arn:aws:events:eu-west-1:123456789012:event-bus/aws.partner/a.com/b"},
		&functionARN:    {"arn:aws:lambda:eu-west-1:123456789012:function:" + strings.Repeat("f", 64) + ":$LATEST", "arn:aws-us-gov:lambda:us-gov-east-1:123456789012:function:f:1"},
		&accessPointARN: {"arn:aws-cn:elasticfilesystem:cn-north-1:123456789012:access-point/fsap-01234567"},
	} {
		for _, text := range append(good, sort.example) {
			if problem := sort.check(text); problem != "" {
				t.Errorf("%s: %s", text, problem)
			}
		}
	}
	const is = " is no ARN of a queue of SQS: "
	for text, want := range map[string]string{
		"pictures":                                                      `wants the ARN of a queue of SQS such as arn:aws:sqs:eu-west-1:123456789012:pictures, not "pictures"`,
		"arn:aws:sns:eu-west-1:123456789012:a":                          `wants the ARN of a queue of SQS such as arn:aws:sqs:eu-west-1:123456789012:pictures, not "arn:aws:sns:eu-west-1:123456789012:a"`,
		"arn:amazon:sqs:eu-west-1:123456789012:a":                       is + "behind arn: it wants a partition, aws, aws-cn or aws-us-gov",
		"arn:aws:sqs::123456789012:a":                                   is + "it wants the name of a region behind sqs:",
		"arn:aws:sqs:eu-west-1:12345678901:a":                           is + "it wants the 12 digits of an account behind the region",
		"arn:aws:sqs:cn-north-1:123456789012:a":                         is + "the partition of cn-north-1 is aws-cn",
		"arn:aws-cn:sqs:eu-west-1:123456789012:a":                       is + "the partition of eu-west-1 is aws",
		"arn:aws:sqs:us-gov-west-1:123456789012:a":                      is + "the partition of us-gov-west-1 is aws-us-gov",
		"arn:aws-us-gov:sqs:us-west-1:123456789012:a":                   is + "the partition of us-west-1 is aws",
		"arn:aws:sqs:eu-west-1:123456789012:a b":                        is + "its end is none; it is like arn:aws:sqs:eu-west-1:123456789012:pictures",
		"arn:aws:sqs:eu-west-1:123456789012:" + strings.Repeat("a", 81): "its end is none",
	} {
		if got := queueARN.check(text); !strings.HasSuffix(got, want) && !strings.Contains(got, want) || got == "" {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestProblemsOfTriggers(t *testing.T) {
	const arn = "arn:aws:sqs:eu-west-1:123456789012:q"
	two := "project: a\ndefaults: {image: a}\nfunctions:\n"
	for _, c := range []struct{ name, text, want string }{
		{"two functions at one API", two + "  f: {http: {api: x}}\n  g: {http: {api: X}}\n  h:\n    http: {api: x}\n",
			"func.yaml:7:12: api: f has the API x already, in line 4, and an API is of one function; give h another one"},
		{"one API in defaults", "project: a\ndefaults: {image: a, http: {api: x}}\nfunctions: {f: {}, g: {}}\n",
			"func.yaml:2:29: api: f has the API x already, in line 2, and an API is of one function; give g another one"},
		{"credentials for all", in("http: {cors: {credentials: true}}"),
			"func.yaml:5:19: credentials: cannot be together with any origin, *: every page on the web could act as its visitors; name the origins, such as https://example.org"},
		{"sets", in("http: {cors: {origins: ['*', http://a], headers: [A, a], methods: [get, POST]}}\nvpc: {subnets: [subnet-1, subnet-1], security_groups: []}"),
			"func.yaml:5:29: origins: * stands for all; write it alone, or leave it out\n" +
				"func.yaml:5:58: headers: a is in the list twice\n" +
				"func.yaml:5:72: methods: wants \"*\", GET, HEAD, POST, PUT, PATCH or DELETE, not \"get\"; did you mean GET?\n" +
				"func.yaml:6:31: subnets: subnet-1 is in the list twice\n" +
				"func.yaml:6:42: security_groups: is an empty list; it wants a list or text such as [sg-0123456789abcdef0]"},
		{"origins", in("http: {cors: {origins: [example.org, https://a/, https://A, 'null']}}"),
			"func.yaml:5:29: origins: wants an origin in lower case, a scheme, a host and perhaps a port, such as https://example.org, or *, not \"example.org\"\n" +
				"func.yaml:5:42: origins: wants an origin in lower case, a scheme, a host and perhaps a port, such as https://example.org, or *, not \"https://a/\"\n" +
				"func.yaml:5:54: origins: wants an origin in lower case, a scheme, a host and perhaps a port, such as https://example.org, or *, not \"https://A\"\n" +
				"func.yaml:5:65: origins: wants an origin in lower case, a scheme, a host and perhaps a port, such as https://example.org, or *, not \"null\""},
		{"queue of nothing", in("queue: true"),
			"func.yaml:5:5: queue: f has no input on the account's own S3 that could fill the queue; add one such as s3://photos/in/, or name a queue of your own, as in queue: {arn: " + queueARN.example + "}"},
		{"queue of nothing, of defaults", "project: a\ndefaults: {image: a, queue: true}\nfunctions: {f: {}}\n",
			"func.yaml:2:22: queue: f has no input on the account's own S3 that could fill the queue; add one such as s3://photos/in/, or name a queue of your own, as in queue: {arn: " + queueARN.example + "}; write queue: false there"},
		{"queue of another provider", lab("input: minio.lab/abc\nqueue: true"),
			"func.yaml:11:5: queue: f has no input on the account's own S3 that could fill the queue; add one such as s3://photos/in/, or name a queue of your own, as in queue: {arn: " + queueARN.example + "}"},
		{"queue whose input is wrong", in("input: s3://A\nqueue: true"), "func.yaml:5:5: input: \"A\" is no name of a bucket: S3 wants 3 to 63 characters, these are 1"},
		{"attempts of the user's queue", in("queue:\n  attempts: 3\n  arn: " + arn),
			"func.yaml:6:7: attempts: cannot be together with arn in line 7: how often a queue of your own is tried is set there, in its redrive policy"},
		{"destinations", in("on_failure: failed"), "func.yaml:5:5: on_failure: wants a bucket such as s3://failed-photos, or the ARN of a queue of SQS, a topic of SNS, a bus of EventBridge, a function or a bucket, not \"failed\""},
		{"destination with a folder", in("on_failure: s3://failed/x"), "func.yaml:5:5: on_failure: Lambda chooses the folder, aws/lambda/async/; write s3://failed"},
		{"destination, ARN of an object", in("on_failure: arn:aws:s3:::failed/*"), "func.yaml:5:5: on_failure: Lambda chooses the folder, aws/lambda/async/; write s3://failed"},
		{"destination, ARN of a bucket with a region", in("on_failure: arn:aws:s3:eu-west-1::failed"), "func.yaml:5:5: on_failure: \"arn:aws:s3:eu-west-1::failed\" is no ARN of a bucket, which is like arn:aws:s3:::failed-photos; write s3://failed-photos"},
		{"destination, FIFO", in("on_failure: " + arn + ".fifo"), "func.yaml:5:5: on_failure: Lambda tells no FIFO queues and topics of failures; name a standard one"},
		{"destination of another provider", lab("on_failure: minio.lab/abc"), "func.yaml:10:5: on_failure: wants a bucket such as s3://failed-photos, or the ARN of a queue of SQS, a topic of SNS, a bus of EventBridge, a function or a bucket, not \"minio.lab/abc\""},
		{"destination, table", in("on_failure: arn:aws:dynamodb:eu-west-1:123456789012:table/a"), "func.yaml:5:5: on_failure: wants a bucket such as s3://failed-photos, or the ARN of a queue of SQS, a topic of SNS, a bus of EventBridge, a function or a bucket, not \"arn:aws:dynamodb:eu-west-1:123456789012:table/a\""},
		{"mounts without vpc", in("mounts: {access_point: '" + accessPointARN.example + "', path: /mnt/..}"),
			"func.yaml:5:5: mounts: needs vpc: a file system of EFS is reached from the subnets of its VPC only; add vpc: {subnets: […], security_groups: […]} to f\n" +
				fmt.Sprintf("func.yaml:5:%d: path: /mnt/.. is no folder below /mnt/; it is like /mnt/data", 32+len(accessPointARN.example))},
		{"half a vpc", in("vpc: {subnets: subnet-1}"), "func.yaml:5:5: security_groups: is missing; add security_groups: [sg-0123456789abcdef0]"},
		{"keys of concurrency", in("concurrency: {reserved: 5}"), "func.yaml:5:19: reserved: unknown key; only {} can stand here"},
		{"where other tools have them", in("reserved_concurrency: 5\ntimezone: UTC\nhttp: {cors: {allow_origins: '*'}}\nvpc: {subnet_ids: [], subnets: subnet-1, security_groups: sg-1}"),
			"func.yaml:5:5: reserved_concurrency: unknown key; did you mean concurrency?\n" +
				"func.yaml:6:5: timezone: unknown key; did you mean schedule?\n" +
				"func.yaml:7:19: allow_origins: unknown key; did you mean origins?\n" +
				"func.yaml:8:11: subnet_ids: unknown key; did you mean subnets?"},
		{"zone", in("schedule: {expression: rate(1 hour), timezone: CEST}"), "func.yaml:5:42: timezone: wants IANA's name of a time zone such as Europe/Berlin, not \"CEST\""},
		{"schedule", in("schedule: rate(1 hours)"), "func.yaml:5:5: schedule: wants rate(1 hour), without the s"},
		{"no schedule", in("schedule: {timezone: UTC}"), "func.yaml:5:5: expression: is missing; add expression: rate(1 hour)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Split(c.want, "\n"), problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A queue of the user's is filled by the user: scar sets no rules for it that could overlap others.
func TestInputsOfTheUsersQueueAreNoRules(t *testing.T) {
	text := "project: a\ndefaults: {image: a, input: s3://abc/x}\nfunctions:\n  f: {}\n  g: {queue: {arn: '" + queueARN.example + "'}}\n"
	if got := problemsIn(t, text); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if got := problemsIn(t, strings.Replace(text, "arn: '"+queueARN.example+"'", "", 1)); len(got) != 1 || !strings.Contains(got[0], "overlaps the input of f") {
		t.Errorf("%q", got)
	}
}

func TestFailuresThatLoop(t *testing.T) {
	head := "project: a\ndefaults: {image: a}\nfunctions:\n"
	function := func(name string) string { return "arn:aws:lambda:eu-west-1:123456789012:function:" + name }
	for _, c := range []struct{ name, text, want string }{
		{"itself", head + "  f: {on_failure: '" + function("f:live") + "'}\n", "func.yaml:4:7: on_failure: would loop (--allow-loops accepts it): what one fails on starts the next: f → f"},
		{"each other", head + "  f: {on_failure: '" + function("g") + "'}\n  g: {on_failure: '" + function("h") + "'}\n  h: {on_failure: '" + function("f") + "'}\n",
			"func.yaml:4:7: on_failure: would loop (--allow-loops accepts it): what one fails on starts the next: f → g → h → f"},
		{"its own queue", head + "  f: {queue: {arn: '" + queueARN.example + "'}, on_failure: '" + queueARN.example + "'}\n",
			fmt.Sprintf("func.yaml:4:%d: on_failure: would loop (--allow-loops accepts it): f takes its events from this queue", 25+len(queueARN.example))},
		{"its own bucket", head + "  f: {on_failure: s3://abc, input: s3://abc}\n",
			"func.yaml:4:29: input: covers aws/lambda/async/f/, where Lambda tells of what f failed on, so each failure would start f: that is on_failure in line 4; name a folder or a suffix here, or another bucket there"},
		{"another's bucket", head + "  f: {on_failure: s3://abc}\n  g: {input: s3://abc/aws/lambda, queue: true}\n",
			"func.yaml:5:7: input: covers aws/lambda/async/f/, where Lambda tells of what f failed on, so each failure would start g: that is on_failure in line 4; name a folder or a suffix here, or another bucket there"},
		{"a suffix that a UUID can have", head + "  f: {on_failure: s3://abc, input: {from: s3://abc, suffix: [.png, a1]}}\n",
			"func.yaml:4:37: from: covers aws/lambda/async/f/, where Lambda tells of what f failed on, so each failure would start f: that is on_failure in line 4; name a folder or a suffix here, or another bucket there"},
		{"in a chain that does not come back", head + "  f: {on_failure: '" + function("g") + "'}\n  g: {on_failure: '" + function("elsewhere") + "'}\n", ""},
		{"in a circle that it is not in", head + "  f: {on_failure: '" + function("g") + "'}\n  g: {on_failure: '" + function("g") + "'}\n",
			"func.yaml:5:7: on_failure: would loop (--allow-loops accepts it): what one fails on starts the next: g → g"},
		{"in another folder", head + "  f: {on_failure: s3://abc, input: s3://abc/in}\n", ""},
		{"in another function's folder", head + "  f: {on_failure: s3://abc, input: s3://abc/aws/lambda/async/g}\n", ""},
		{"in names that end otherwise", head + "  f: {on_failure: s3://abc, input: {from: s3://abc, suffix: .png}}\n", ""},
		{"in objects that vanish", head + "  f: {on_failure: s3://abc, input: {from: s3://abc, events: removed}}\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(problemsIn(t, c.text), "\n")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			r := &report{}
			if _, _, err := testGrammar().check(sourcesOf(c.text), Options{AllowLoops: true}, r); err != nil || r.err() != nil {
				t.Errorf("loops are allowed: %v %v", err, r.err())
			}
		})
	}
}

func TestOverlaysOfTriggers(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"func.yaml": "project: a\ndefaults: {queue: true, schedule: rate(1 hour)}\nfunctions:\n  f: {image: a, run: x, input: s3://abc, http: true, concurrency: 5, vpc: {subnets: subnet-1, security_groups: sg-1}}\n",
		"over.yaml": "functions: {f: {http: {auth: none}, concurrency: {}, vpc: {subnets: [subnet-2]}, schedule: {expression: rate(2 hours)}, queue: {batch_size: 1}}}\n",
		"last.yaml": "functions: {f: {http: false, concurrency: 7, queue: {max_concurrency: 4}, schedule: rate(1 day)}}\n",
	})
	f, err := load(t, folder, "func.yaml", "over.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := f.Functions[0]
	want := Function{
		HTTP: &HTTP{Auth: "none"}, Concurrency: Unreserved, VPC: &VPC{Subnets: []string{"subnet-2"}, SecurityGroups: []string{"sg-1"}},
		Schedule: &Schedule{Expression: "rate(2 hours)", Timezone: "UTC"}, Queue: &Queue{BatchSize: 1, Attempts: 5},
	}
	same := func(got, want Function) string {
		return cmp.Diff([]any{want.HTTP, want.Concurrency, want.VPC, want.Schedule, want.Queue}, []any{got.HTTP, got.Concurrency, got.VPC, got.Schedule, got.Queue})
	}
	if diff := same(got, want); diff != "" {
		t.Error(diff)
	}
	if f, err = load(t, folder, "func.yaml", "over.yaml", "last.yaml"); err != nil {
		t.Fatal(err)
	}
	want.HTTP, want.Concurrency, want.Queue = nil, 7, &Queue{BatchSize: 1, MaxConcurrency: 4, Attempts: 5}
	want.Schedule = &Schedule{Expression: "rate(1 day)", Timezone: "UTC"}
	if diff := same(f.Functions[0], want); diff != "" {
		t.Error(diff)
	}
	_, err = Load(t.Context(), []string{filepath.Join(folder, "over.yaml")}, Options{})
	if err == nil {
		t.Error("an overlay alone is taken for a file")
	}
}

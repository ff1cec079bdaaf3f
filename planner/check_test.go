package planner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/spec"
)

const (
	testKey    = "arn:aws:kms:eu-west-1:123456789012:key/1"
	testPoint  = "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0"
	testQueue  = "arn:aws:sqs:eu-west-1:123456789012:theirs"
	testTopic  = "arn:aws:sns:eu-west-1:123456789012:failed"
	testResize = "arn:aws:lambda:eu-west-1:123456789012:function:resize"
)

// goodAnswers are those for which Check says nothing of wholeFile.
func goodAnswers() Answers {
	return Answers{
		{AboutSubnet, "subnet-a"}:          {VPC: "vpc-1", Zone: "eu-west-1a"},
		{AboutSubnet, "subnet-b"}:          {VPC: "vpc-1", Zone: "eu-west-1b"},
		{AboutSecurityGroup, "sg-1"}:       {VPC: "vpc-1"},
		{AboutAccessPoint, testPoint}:      {VPC: "vpc-1", Zones: []string{"eu-west-1a", "eu-west-1b"}},
		{AboutParameter, "/imaging/token"}: {},
		{AboutSecret, "imaging/db"}:        {},
		{AboutQueue, testQueue}:            {Visibility: 1800},
		{AboutTopic, testTopic}:            {},
		{AboutEncryption, "photos"}:        {},
		{AboutEncryption, "failed-photos"}: {Absent: true},
		{AboutEncryption, "scans"}:         {},
		{AboutConcurrency, ""}:             {Limit: 1000, Reserved: map[string]int{"": 850}},
	}
}

func foreignRule(id, target, prefix, suffix string) func(State) {
	t := Trigger{Bucket: "photos", ID: id, Target: target, Events: []string{"s3:ObjectCreated:Put"}, Prefix: prefix, Suffix: suffix}
	return func(s State) { s.Add(Resource{Address: Address{KindTrigger, "photos/" + id}, Value: t}) }
}

func TestCheck(t *testing.T) {
	answer := func(about Subject, name string, is Answer) func(Answers) {
		return func(a Answers) { a[Question{about, name}] = is }
	}
	theirs := "scar-other-resize-" + shortHash("x")
	function := func(change func(*spec.Function)) func(*spec.File) {
		return func(f *spec.File) { change(&f.Functions[0]) }
	}
	for _, c := range []struct {
		name     string
		file     func(*spec.File)
		live     func(State)
		answers  func(Answers)
		problems []string // parts, one of each problem
		warnings []string
	}{
		{name: "all is well"},
		{name: "no subnet", answers: answer(AboutSubnet, "subnet-b", Answer{Absent: true}), problems: []string{"func.yaml:4:3: function grayify: there is no subnet subnet-b"}},
		{name: "no security group", answers: answer(AboutSecurityGroup, "sg-1", Answer{Absent: true}), problems: []string{"there is no security group sg-1"}},
		{name: "two VPCs", answers: answer(AboutSecurityGroup, "sg-1", Answer{VPC: "vpc-2"}), problems: []string{
			"its subnets and security groups are in 2 VPCs (vpc-1 has subnet-b, subnet-a; vpc-2 has sg-1)",
		}},
		{name: "no access point", answers: answer(AboutAccessPoint, testPoint, Answer{Absent: true}), problems: []string{"there is no access point " + testPoint}},
		{name: "no mount target", answers: answer(AboutAccessPoint, testPoint, Answer{VPC: "vpc-1"}), problems: []string{"has no mount target"}},
		{name: "a file system of another VPC", answers: answer(AboutAccessPoint, testPoint, Answer{VPC: "vpc-2", Zones: []string{"eu-west-1a"}}), problems: []string{
			"is in the VPC vpc-2, and the subnet subnet-b is in vpc-1",
		}},
		{name: "no zone in common", answers: answer(AboutAccessPoint, testPoint, Answer{VPC: "vpc-1", Zones: []string{"eu-west-1c"}}), problems: []string{
			"has mount targets in eu-west-1c, and the function's subnets are elsewhere, subnet-b (eu-west-1b), subnet-a (eu-west-1a)",
		}},
		{name: "a zone without mount target", answers: answer(AboutAccessPoint, testPoint, Answer{VPC: "vpc-1", Zones: []string{"eu-west-1a"}}), warnings: []string{
			"no mount target in the zone of subnet-b (eu-west-1b)",
		}},
		{name: "no parameter", answers: answer(AboutParameter, "/imaging/token", Answer{Absent: true}), problems: []string{
			"secrets.TOKEN: there is no parameter /imaging/token: create it with aws ssm put-parameter",
		}},
		{name: "no secret", answers: answer(AboutSecret, "imaging/db", Answer{Absent: true}), problems: []string{"secrets.DB: there is no secret imaging/db"}},
		{name: "no queue", answers: answer(AboutQueue, testQueue, Answer{Absent: true}), problems: []string{"function take: there is no queue " + testQueue}},
		{name: "a queue that hides too shortly", answers: answer(AboutQueue, testQueue, Answer{Visibility: 299}), problems: []string{
			"hides a message for 299 s, less than the function's timeout of 300 s",
		}},
		{name: "a queue that hides shortly", answers: answer(AboutQueue, testQueue, Answer{Visibility: 300}), warnings: []string{"Lambda advises 1800 s"}},
		{name: "the dead-letter queue of another function", file: func(f *spec.File) {
			f.Functions[2].Queue.ARN, f.Functions[2].Timeout = testNaming.QueueARN(DeadLetterName("imaging", "ocr")), 30
		}},
		{name: "the dead-letter queue of another function, for too long", file: func(f *spec.File) {
			f.Functions[2].Queue.ARN, f.Functions[2].Timeout = testNaming.QueueARN(DeadLetterName("imaging", "ocr")), 31
		}, problems: []string{"function take: the queue arn:aws:sqs:eu-west-1:123456789012:scar_dead-imaging_ocr, which scar makes, hides a message for 30 s, less than the function's timeout of 31 s"}},
		{name: "nobody hears of failures", answers: answer(AboutTopic, testTopic, Answer{Absent: true}), problems: []string{"on_failure: there is no " + testTopic}},
		{name: "FIFO", answers: answer(AboutTopic, testTopic, Answer{FIFO: true}), problems: []string{"on_failure: " + testTopic + " is FIFO"}},
		{name: "concurrency just left", answers: answer(AboutConcurrency, "", Answer{Limit: 150})},
		{name: "too much concurrency", answers: answer(AboutConcurrency, "", Answer{Limit: 1000, Reserved: map[string]int{"": 851}}), problems: []string{
			"the file reserves 50 more concurrent executions, and of the account's 1000 only 149 are unreserved, of which Lambda keeps 100: reserve 1 less in all",
		}},
		{name: "concurrency that is there already", live: func(s State) {
			s.Add(Resource{Address: Address{KindFunction, "grayify"}, Value: Function{Name: "grayify", Concurrency: 50}, Owner: Owner{Project: "imaging"}})
		}, answers: answer(AboutConcurrency, "", Answer{Limit: 10})},
		{name: "concurrency of a function that goes", live: func(s State) {
			s.Add(Resource{Address: Address{KindFunction, "former"}, Value: Function{Name: "former", Concurrency: 50}, Owner: Owner{Project: "imaging"}})
		}, answers: answer(AboutConcurrency, "", Answer{Limit: 10})},
		{name: "concurrency by hand", file: function(func(fn *spec.Function) { fn.ConcurrencyManaged = false }), answers: answer(AboutConcurrency, "", Answer{Limit: 10})},

		{name: "too many rules beside", live: func(s State) {
			for i := range maxRules {
				foreignRule(fmt.Sprint("r", i), testQueue, fmt.Sprint("raw/", i, "/"), "")(s)
			}
		}, problems: []string{"func.yaml:4:3: function grayify: the file wants 1 rules on s3://photos, one for each input and suffix, where others have 100"}},
		{name: "as many rules beside as S3 allows", live: func(s State) {
			for i := range maxRules - 1 {
				foreignRule(fmt.Sprint("r", i), testQueue, fmt.Sprint("raw/", i, "/"), "")(s)
			}
		}},
		{name: "a loop through a dead-letter queue", file: func(f *spec.File) {
			f.Functions[2].Queue.ARN, f.Functions[2].Timeout = testNaming.QueueARN(DeadLetterName("imaging", "ocr")), 30
			f.Functions[2].Outputs[0].Prefix = "in/again/"
		}, problems: []string{"function ocr: ocr → take → ocr: "}},
		{name: "a loop through a queue that is told of failures", file: func(f *spec.File) {
			f.Functions[0].OnFailure = testQueue
			f.Functions[2].Outputs[0] = f.Functions[0].Outputs[0]
			f.Functions[2].Outputs[0].Prefix = "in/again/"
		}, problems: []string{"grayify → take → grayify: "}},
		{name: "a rule beside", live: foreignRule("theirs", testQueue, "raw/", "")},
		{name: "a rule that overlaps", live: foreignRule("theirs", testTopic, "", ".jpg"), problems: []string{
			`func.yaml:4:3: function grayify: s3:ObjectCreated:* on s3://photos/in/ overlaps the rule "theirs" (s3:ObjectCreated:Put on s3://photos/*.jpg), which starts ` + testTopic,
		}},
		{name: "a rule of another project", live: foreignRule(theirs, testResize, "in/a/", ""), problems: []string{"which starts the function resize of the project other"}},
		{name: "a rule of another project's queue", live: foreignRule(theirs, testNaming.QueueARN(QueueName("other", "resize")), "in/a/", ""), problems: []string{
			"which starts the queue of the function resize of the project other",
		}},
		{name: "a rule that overlaps one of a queue", file: func(f *spec.File) { f.Functions[1].Inputs[0].Bucket = "photos" }, live: foreignRule("theirs", testResize, "", ""), problems: []string{
			"function grayify: ", "function ocr: ",
		}},

		{name: "a loop through another's function", live: foreignRule("theirs", testResize+":live", "out/", ""),
			answers:  answer(AboutFunction, testResize, Answer{Project: "other", Writes: []Place{{"photos", "in/"}}}),
			problems: []string{"grayify → resize (project other) → grayify: "}},
		{name: "a chain into another's function", live: foreignRule("theirs", testResize, "out/", ""),
			answers: answer(AboutFunction, testResize, Answer{Project: "other", Writes: []Place{{"photos", "done/"}}})},
		{name: "a loop through another's bucket", live: foreignRule("theirs", testResize, "out/", ""), answers: func(a Answers) {
			a[Question{AboutFunction, testResize}] = Answer{Project: "other", Writes: []Place{{"elsewhere", "x/"}}}
			a[Question{AboutFunction, strings.Replace(testResize, "resize", "label", 1)}] = Answer{Project: "third", Writes: []Place{{"photos", "in/labels/"}}}
			a[Question{AboutRules, "elsewhere"}] = Answer{Rules: []Trigger{{
				Bucket: "elsewhere", ID: "r", Target: strings.Replace(testResize, "resize", "label", 1), Events: []string{"s3:ObjectCreated:*"},
			}}}
		}, problems: []string{"grayify → resize (project other) → label (project third) → grayify"}},
		{name: "a rule of others that starts ours", live: foreignRule("by hand", testNaming.FunctionARN("grayify"), "out/", ""), problems: []string{"grayify → grayify"}},
		{name: "a rule of others that fills a queue of ours", live: func(s State) {
			s.Add(Resource{Address: Address{KindTrigger, "scans/by hand"}, Value: Trigger{
				Bucket: "scans", ID: "by hand", Target: testQueue, Events: []string{"s3:ObjectCreated:*"}, Prefix: "taken/",
			}})
		}, problems: []string{"function take: take → take: "}},
		{name: "records start another's function", live: foreignRule("theirs", testResize, ".scar/", ""),
			answers:  answer(AboutFunction, testResize, Answer{Project: "other", Writes: []Place{{"photos", "in/"}}}),
			problems: []string{"grayify → resize (project other) → grayify: "}},
		{name: "another's function of which nothing is known", live: foreignRule("theirs", testResize, "out/", ""),
			answers:  answer(AboutFunction, testResize, Answer{Unknown: "these credentials lack lambda:GetFunction"}),
			warnings: []string{"not checked: functions of others " + testResize + ": these credentials lack lambda:GetFunction"}},
		{name: "a bucket of another's function of which nothing is known", live: foreignRule("theirs", testResize, "out/", ""), answers: func(a Answers) {
			a[Question{AboutFunction, testResize}] = Answer{Project: "other", Writes: []Place{{"elsewhere", "x/"}}}
			a[Question{AboutRules, "elsewhere"}] = Answer{Unknown: "it is another account's"}
		}, warnings: []string{"not checked: rules of the buckets elsewhere: it is another account's"}},
		{name: "two versions of one function, of which one is gone", live: foreignRule("theirs", testResize, "out/", ""), answers: func(a Answers) {
			a[Question{AboutFunction, testResize}] = Answer{Project: "other", Writes: []Place{{"photos", "in/"}}}
			a[Question{AboutFunction, testResize + ":old"}] = Answer{Absent: true}
		}, problems: []string{"grayify → resize (project other) → grayify: "}},

		{name: "a key of the customer's", answers: answer(AboutEncryption, "photos", Answer{Key: testKey}), problems: []string{
			"permissions:\n  - {actions: [kms:Decrypt, kms:GenerateDataKey], resources: [\"" + testKey + "\"]} # for s3://photos",
		}},
		{name: "a key that may be used", file: function(func(fn *spec.Function) {
			fn.Permissions = []spec.Permission{{Actions: []string{"KMS:GenerateDataKey*", "kms:decrypt"}, Resources: []string{"arn:aws:kms:*:123456789012:key/?"}}}
		}), answers: answer(AboutEncryption, "photos", Answer{Key: testKey})},
		{name: "a key that may be used in part", file: function(func(fn *spec.Function) {
			fn.Permissions = []spec.Permission{{Actions: []string{"kms:Decrypt"}, Resources: []string{testKey}}}
		}), answers: answer(AboutEncryption, "photos", Answer{Key: testKey}), problems: []string{"{actions: [kms:GenerateDataKey], "}},
		{name: "keys of failures and secrets", answers: func(a Answers) {
			a[Question{AboutEncryption, "failed-photos"}] = Answer{Key: testKey + "0"}
			a[Question{AboutSecret, "imaging/db"}] = Answer{Key: testKey}
		}, problems: []string{"[kms:Decrypt], resources: [\"" + testKey + "\"]} # for secrets.DB\n  - {actions: [kms:GenerateDataKey], resources: [\"" + testKey + "0\"]} # for s3://failed-photos"}},
		{name: "keys of a queue and of what hears of failures", file: func(f *spec.File) { f.Functions[2].Role = "" }, answers: func(a Answers) {
			a[Question{AboutQueue, testQueue}] = Answer{Visibility: 1800, Key: testKey}
			a[Question{AboutTopic, testTopic}] = Answer{Key: testKey + "0"}
		}, problems: []string{"function take: its role may not use the keys that encrypt what it works with: add to the function\n  permissions:\n" +
			"  - {actions: [kms:Decrypt], resources: [\"" + testKey + "\"]} # for queue.arn\n" +
			"  - {actions: [kms:Decrypt, kms:GenerateDataKey], resources: [\"" + testKey + "0\"]} # for on_failure"}},
		{name: "a key and a role of the user's", answers: answer(AboutEncryption, "scans", Answer{Key: testKey}), problems: []string{"function ocr: its role may not use"}, warnings: []string{
			"scar does not see whether the role arn:aws:iam::123456789012:role/theirs may use it",
		}},

		{name: "what cannot be found out is said once", answers: func(a Answers) {
			for _, id := range []string{"subnet-a", "subnet-b"} {
				a[Question{AboutSubnet, id}] = Answer{Unknown: "these credentials lack ec2:DescribeSubnets"}
			}
			a[Question{AboutConcurrency, ""}] = Answer{Unknown: "no answer"}
		}, warnings: []string{
			"not checked: how much concurrency the account has left: no answer",
			"not checked: subnets subnet-b, subnet-a: these credentials lack ec2:DescribeSubnets",
		}},
		{name: "all at once", answers: func(a Answers) {
			for q := range a {
				a[q] = Answer{Absent: true}
			}
		}, problems: []string{
			"function grayify: secrets.DB", "function grayify: secrets.TOKEN", "access point", "security group", "subnet subnet-a", "subnet subnet-b",
			"function take: on_failure", "function take: there is no queue",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := wholeFile(func(f *spec.File) {
				f.Functions[0].File, f.Functions[0].Line, f.Functions[0].Column = "func.yaml", 4, 3
			})
			if c.file != nil {
				c.file(f)
			}
			live := State{}
			if c.live != nil {
				c.live(live)
			}
			answers := goodAnswers()
			if c.answers != nil {
				c.answers(answers)
			}
			if strings.HasPrefix(c.name, "all at once") {
				delete(answers, Question{AboutConcurrency, ""})
			}
			warnings, err := check(t, f, live, answers)
			compareLines(t, "problems", problemsOf(err), c.problems)
			var said []string
			for _, w := range warnings {
				said = append(said, w.Message)
			}
			compareLines(t, "warnings", said, c.warnings)
		})
	}
}

// compareLines expects one line for each wanted part, in any order.
func compareLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s %q, want %d", what, got, len(want))
	}
	for _, part := range want {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, part) }) {
			t.Errorf("%s %q lack %q", what, got, part)
		}
	}
}

func problemsOf(err error) []string {
	if err == nil {
		return nil
	}
	var lines []string
	for _, e := range err.(interface{ WrappedErrors() []error }).WrappedErrors() {
		lines = append(lines, e.Error())
	}
	return lines
}

func TestQuestions(t *testing.T) {
	f := wholeFile()
	first := Questions(f, Naming{Partition: "aws", Region: "eu-west-1"}, nil, nil)
	var want []Question
	for q := range goodAnswers() {
		want = append(want, q)
	}
	byName := func(a, b Question) int {
		return strings.Compare(string(a.About)+" "+a.Name, string(b.About)+" "+b.Name)
	}
	slices.SortFunc(want, byName)
	slices.SortFunc(first, byName)
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("questions from the file (-want +got):\n%s", diff)
	}
	if left := Questions(f, testNaming, State{}, goodAnswers()); len(left) != 0 {
		t.Errorf("asked again: %v", left)
	}
	if early := Questions(f, Naming{}, nil, nil); early != nil {
		t.Errorf("asked without a region: %v", early)
	}
}

// TestQuestionsLeadOn follows what others do with the file's outputs, from function to bucket to function.
func TestQuestionsLeadOn(t *testing.T) {
	f := testFile()
	label := strings.Replace(testResize, "resize", "label", 1)
	live := State{{KindBucket, "photos"}: {}}
	foreignRule("theirs", testResize, "out/", "")(live)
	foreignRule("unreached", strings.Replace(testResize, "resize", "unreached", 1), "never/", "")(live)
	known := Answers{{AboutEncryption, "photos"}: {}}
	for _, step := range []struct {
		want   Question
		answer Answer
	}{
		{Question{AboutFunction, testResize}, Answer{Project: "other", Writes: []Place{{"photos", "small/"}, {"labels", "in/"}}}},
		{Question{AboutRules, "labels"}, Answer{Rules: []Trigger{{Bucket: "labels", ID: "r", Target: label, Events: []string{"s3:ObjectCreated:*"}}}}},
		{Question{AboutFunction, label}, Answer{Project: "other"}},
	} {
		got := Questions(f, testNaming, live, known)
		if len(got) != 1 || got[0] != step.want {
			t.Fatalf("asked %v, want %v", got, step.want)
		}
		known[step.want] = step.answer
	}
	if got := Questions(f, testNaming, live, known); len(got) != 0 {
		t.Errorf("at the end asked %v", got)
	}
}

func TestQuestionsLeaveOutWhatTheFileMakes(t *testing.T) {
	f := testFile(func(f *spec.File) {
		second := queued(testFunction("second", "scans", "in/", "scans", "out/"))
		second.OnFailure = testNaming.FunctionARN("grayify")
		f.Functions[0].OnFailure = testNaming.QueueARN(DeadLetterName("imaging", "second"))
		third := testFunction("third", "scans", "more/", "scans", "out/")
		third.Queue = &spec.Queue{ARN: testNaming.QueueARN(DeadLetterName("imaging", "second")), BatchSize: 10}
		f.Functions = append(f.Functions, second, third)
	})
	for _, q := range Questions(f, testNaming, nil, nil) {
		if q.About != AboutEncryption {
			t.Errorf("asked %v", q)
		}
	}
	f.Functions[1].OnFailure = "arn:aws:lambda:eu-west-1:999999999999:function:grayify"
	if got := Questions(f, testNaming, nil, nil); !slices.Contains(got, Question{AboutFunction, f.Functions[1].OnFailure}) {
		t.Errorf("of another account's function: %v", got)
	}
}

func TestWild(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"*b*d*", "abcde", true}, {"*b*d", "abcde", false}, {"a**", "a", true}, {"*a", "aaab", false},
		{strings.Repeat("*a", 40), strings.Repeat("a", 2000) + "b", false},
	} {
		if got := wild(c.pattern, c.text); got != c.want {
			t.Errorf("wild(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

// FuzzWild compares with the same pattern as a regular expression.
func FuzzWild(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("**", "")
	f.Add("*aab", "aaab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.Trim(pattern+text, "ab*?.-") != "" {
			return // IAM's are ASCII, and few characters find more
		}
		expression := "^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern)) + "$"
		if got, want := wild(pattern, text), regexp.MustCompile(expression).MatchString(text); got != want {
			t.Errorf("wild(%q, %q) = %v", pattern, text, got)
		}
	})
}

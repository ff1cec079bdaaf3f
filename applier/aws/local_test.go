package aws

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/planner"
)

// startLocal serves an embedded backend, empty, for one test.
func startLocal(t *testing.T, script *local.Script) account {
	t.Helper()
	endpoint := localtest.Serve(t, local.Options{Account: testNaming.Account, Region: testNaming.Region, Script: script})
	_, base := newRegistry(t)
	return account{
		cfg: aws.Config{
			Region: testNaming.Region, BaseEndpoint: &endpoint,
			Credentials: credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
		},
		naming: testNaming,
		pace:   10 * time.Millisecond,
		base:   base,
	}
}

func (a account) cloud(opts Options) *Cloud {
	opts.Project, opts.Naming, opts.Pace, opts.Settle = "imaging", a.naming, a.pace, 5*time.Second
	return New(a.cfg, opts)
}

// step makes one change and expects to read what it wanted.
func step(t *testing.T, c *Cloud, action planner.Action, name string, before, after planner.Value) {
	t.Helper()
	change := planner.Change{Action: action, Before: before, After: after}
	for _, v := range []planner.Value{before, after} {
		if v != nil {
			change.Address = planner.Address{Kind: v.Kind(), Name: name}
		}
	}
	if _, err := c.Do(t.Context(), planner.Batch{change}, nil); err != nil {
		t.Fatalf("%s %s: %v", action, change.Address, err)
	}
	state, err := c.Read(t.Context(), []planner.Ref{change.Address})
	if err != nil {
		t.Fatal(err)
	}
	r, exists := state[change.Address]
	if exists != (after != nil) {
		t.Fatalf("%s: exists %v after %s", change.Address, exists, action)
	}
	if exists {
		if fields := planner.Diff(r.Value, after); len(fields) > 0 {
			t.Errorf("%s: %s", change.Address, differences(fields))
		}
	}
}

func testRole() planner.Role {
	allow := func(action, resource string) planner.Policy {
		return planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
			Sid: "S", Effect: "Allow", Action: planner.StringList{action}, Resource: planner.StringList{resource},
			Condition: planner.Conditions{"StringLike": {"s3:prefix": {"a+b%20/*", "ü*"}}},
		}}}
	}
	return planner.Role{
		Name: "scar-grayify-eu-west-1", Path: "/scar/imaging/", Description: "Runs it + more",
		Trust: planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
			Effect: "Allow", Principal: planner.StringLists{"Service": {"lambda.amazonaws.com"}}, Action: planner.StringList{"sts:AssumeRole"},
		}}},
		Policy: allow("s3:ListBucket", "arn:aws:s3:::photos"),
		Tags:   planner.Tags{"scar:project": "imaging", "team": "a b"},
	}
}

func TestLocalRole(t *testing.T) {
	for name, script := range map[string]*local.Script{"plain": nil, "stale reads": staleScript("iam:GetRole*", 2)} {
		t.Run(name, func(t *testing.T) {
			a := startLocal(t, script)
			c := a.cloud(Options{})
			role := testRole()
			step(t, c, planner.Create, role.Name, nil, role)
			step(t, c, planner.Create, role.Name, nil, role) // whose first answer was lost
			changed := role
			changed.Description, changed.Policy = "", planner.Policy{}
			changed.Trust.Statements = append(changed.Trust.Statements[:0:0], changed.Trust.Statements...)
			changed.Trust.Statements[0].Condition = planner.Conditions{"StringEquals": {"aws:SourceAccount": {a.naming.Account}}}
			changed.Tags = planner.Tags{"scar:project": "imaging", "cost": "7"}
			step(t, c, planner.Update, role.Name, role, changed)
			step(t, c, planner.Update, role.Name, changed, role)
			attachByHand(t, a, role.Name)
			step(t, c, planner.Delete, role.Name, role, nil)
			step(t, c, planner.Delete, role.Name, role, nil) // whose first answer was lost
		})
	}
}

func staleScript(pattern string, n int) *local.Script {
	s := local.NewScript()
	s.Stale(pattern, n)
	return s
}

// attachByHand puts onto a role what would keep it from being deleted.
func attachByHand(t *testing.T, a account, role string) {
	t.Helper()
	client := iam.NewFromConfig(a.cfg)
	_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: ptr("mine"),
		PolicyDocument: ptr(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: ptr("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLocalLogGroup(t *testing.T) {
	a := startLocal(t, nil)
	c := a.cloud(Options{})
	group := planner.LogGroup{Name: "/aws/lambda/grayify", RetentionDays: 30, Tags: planner.Tags{"scar:project": "imaging"}}
	longer := planner.LogGroup{Name: "/aws/lambda/grayify-2", Tags: planner.Tags{"scar:project": "imaging"}}
	step(t, c, planner.Create, longer.Name, nil, longer) // its name begins with the other's
	step(t, c, planner.Create, group.Name, nil, group)
	forEver := planner.LogGroup{Name: group.Name, Tags: planner.Tags{"scar:project": "imaging", "a": "b"}}
	step(t, c, planner.Update, group.Name, group, forEver)
	step(t, c, planner.Update, group.Name, forEver, group)
	step(t, c, planner.Delete, group.Name, group, nil)
}

// TestTagsOfOthersStay has somebody tag whatever is made, as many accounts do, and tag again between plan and
// apply: neither is undone, and neither is taken for a change that was not accepted.
func TestTagsOfOthersStay(t *testing.T) {
	a := startLocal(t, nil)
	c := a.cloud(Options{})
	ours := planner.Tags{"scar:project": "imaging", "team": "x"}
	role := testRole()
	role.Tags = ours
	for _, r := range []struct {
		before, after planner.Value
		name          string
		tag           func(key string) error
		tags          func(planner.Value) planner.Tags
	}{
		{
			planner.LogGroup{Name: "/aws/lambda/grayify", Tags: ours}, planner.LogGroup{Name: "/aws/lambda/grayify", Tags: planner.Tags{"scar:project": "imaging"}},
			"/aws/lambda/grayify",
			func(key string) error {
				_, err := c.logGroups.client.TagResource(t.Context(), &cloudwatchlogs.TagResourceInput{
					ResourceArn: ptr(a.naming.LogGroupARN("/aws/lambda/grayify")), Tags: map[string]string{key: "theirs"}})
				return err
			},
			func(v planner.Value) planner.Tags { return v.(planner.LogGroup).Tags },
		},
		{
			role, func() planner.Value { r := role; r.Tags = planner.Tags{"scar:project": "imaging"}; return r }(),
			role.Name,
			func(key string) error {
				_, err := c.roles.client.TagRole(t.Context(), &iam.TagRoleInput{RoleName: &role.Name, Tags: iamTags(planner.Tags{key: "theirs"})})
				return err
			},
			func(v planner.Value) planner.Tags { return v.(planner.Role).Tags },
		},
		{
			planner.Bucket{Name: "photos", Region: a.naming.Region, Tags: ours}, planner.Bucket{Name: "photos", Region: a.naming.Region, Tags: planner.Tags{"scar:project": "imaging"}},
			"photos",
			func(key string) error {
				live, err := c.buckets.tags(t.Context(), "photos")
				if err != nil {
					return err
				}
				return c.buckets.putTags(t.Context(), "photos", append(live, newS3Tag(&key, ptr("theirs"))))
			},
			func(v planner.Value) planner.Tags { return v.(planner.Bucket).Tags },
		},
	} {
		address := planner.Address{Kind: r.before.Kind(), Name: r.name}
		do := func(action planner.Action, before, after planner.Value) {
			t.Helper()
			if _, err := c.Do(t.Context(), planner.Batch{{Address: address, Action: action, Before: before, After: after}}, nil); err != nil {
				t.Fatalf("%s %s: %v", action, address, err)
			}
		}
		do(planner.Create, nil, r.before)
		if err := r.tag("creator"); err != nil {
			t.Fatal(err)
		}
		do(planner.Create, nil, r.before) // again, after a lost answer
		if err := r.tag("cost"); err != nil {
			t.Fatal(err)
		}
		do(planner.Update, r.before, r.after)
		state, err := c.Read(t.Context(), []planner.Ref{address})
		if err != nil {
			t.Fatal(err)
		}
		want := planner.Tags{"scar:project": "imaging", "creator": "theirs", "cost": "theirs"}
		if got := r.tags(state[address].Value); !maps.Equal(got, want) {
			t.Errorf("%s has the tags %v, want %v", address, got, want)
		}
	}
}

// TestLocalLogGroupThatIsBeingDeleted is made as soon as its name is free.
func TestLocalLogGroupThatIsBeingDeleted(t *testing.T) {
	script := local.NewScript()
	script.Inject("logs:CreateLogGroup", 1, local.Fault{Err: wire.Errorf(http.StatusBadRequest, "OperationAbortedException", "A conflicting operation is in progress.")})
	c := startLocal(t, script).cloud(Options{})
	group := planner.LogGroup{Name: "/aws/lambda/grayify", RetentionDays: 30, Tags: planner.Tags{"scar:project": "imaging"}}
	step(t, c, planner.Create, group.Name, nil, group)
}

func TestLocalBucket(t *testing.T) {
	a := startLocal(t, nil)
	c := a.cloud(Options{})
	bucket := results()
	step(t, c, planner.Create, bucket.Name, nil, bucket)
	step(t, c, planner.Create, bucket.Name, nil, bucket)
	changed := bucket
	changed.Tags = planner.Tags{"scar:project": "imaging", "ü": "ö & <x>"}
	step(t, c, planner.Update, bucket.Name, bucket, changed)
	step(t, c, planner.Delete, bucket.Name, changed, nil)
}

func TestLocalImage(t *testing.T) {
	a := startLocal(t, nil)
	first, second := a.assembleFor(t, "grayify", "echo 1"), a.assembleFor(t, "grayify", "echo 2")
	c := a.cloud(Options{Images: map[string]*image.Image{first.Digest(): first, second.Digest(): second}})
	repository := planner.Repository{Name: "scar/imaging", Tags: planner.Tags{"scar:project": "imaging"}}
	step(t, c, planner.Create, repository.Name, nil, repository)
	one, two := imageValue(t, first), imageValue(t, second)
	step(t, c, planner.Create, one.Tag, nil, one)
	step(t, c, planner.Update, one.Tag, one, two)
	step(t, c, planner.Update, one.Tag, two, one) // is there already
	step(t, c, planner.Delete, one.Tag, one, nil)
	step(t, c, planner.Delete, repository.Name, repository, nil)
}

func imageValue(t *testing.T, img *image.Image) planner.Image {
	t.Helper()
	base, added, err := image.Parts(img.Manifest(), addedLayers)
	if err != nil {
		t.Fatal(err)
	}
	return planner.Image{Repository: "scar/imaging", Tag: "grayify", Digest: img.Digest(),
		Parts: planner.Parts{Base: base, Runtime: added[0], Files: added[1], Script: added[2], Job: added[3]}}
}

func TestLocalThrottles(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	script.Throttle("iam:CreateRole", 1)
	a := startLocal(t, script)
	role := testRole()
	step(t, a.cloud(Options{}), planner.Create, role.Name, nil, role)
}

func TestTail(t *testing.T) {
	t.Parallel()
	a := startLocal(t, nil)
	client := cloudwatchlogs.NewFromConfig(a.cfg)
	group, stream := "/aws/lambda/grayify", "2026/01/01/[$LATEST]x"
	ctx := t.Context()
	err := Tail(ctx, client, group, TailOptions{}, func(LogEvent) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "the log group /aws/lambda/grayify does not exist") {
		t.Fatalf("error %v", err)
	}
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	put := func(at time.Time, message string) {
		t.Helper()
		_, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream,
			LogEvents: []logtypes.InputLogEvent{{Timestamp: ptr(at.UnixMilli()), Message: &message}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(now.Add(-time.Hour), "old")
	put(now.Add(-time.Second), "first")
	done := errors.New("enough")
	var got []string
	err = Tail(ctx, client, group, TailOptions{Since: now.Add(-time.Minute), Follow: true, Pause: 10 * time.Millisecond}, func(e LogEvent) error {
		got = append(got, e.Message)
		switch e.Message {
		case "first":
			put(now, "second")
		case "second":
			put(now.Add(-500*time.Millisecond), "late")
		case "late":
			return done
		}
		return nil
	})
	if !errors.Is(err, done) || strings.Join(got, " ") != "first second late" {
		t.Errorf("%v, %v", got, err)
	}
	got = nil
	err = Tail(ctx, client, group, TailOptions{Filter: "second"}, func(e LogEvent) error {
		got = append(got, e.Message)
		return nil
	})
	if err != nil || strings.Join(got, " ") != "second" {
		t.Errorf("%v, %v", got, err)
	}
	ended, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := Tail(ended, client, group, TailOptions{Follow: true, Pause: time.Hour}, func(LogEvent) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// TestLocalLostAnswers loses the answer of each creation after it took effect. The SDK tries again and
// meets what the first try made.
func TestLocalLostAnswers(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	img := a.assembleFor(t, "grayify", "echo 1")
	c := a.cloud(Options{Images: map[string]*image.Image{img.Digest(): img}})
	repository := planner.Repository{Name: "scar/imaging", Tags: planner.Tags{"scar:project": "imaging"}}
	group := planner.LogGroup{Name: "/aws/lambda/grayify", RetentionDays: 7, Tags: planner.Tags{"scar:project": "imaging"}}
	for _, s := range []struct {
		operation, name string
		want            planner.Value
	}{
		{"iam:CreateRole", testRole().Name, testRole()},
		{"logs:CreateLogGroup", group.Name, group},
		{"ecr:CreateRepository", repository.Name, repository},
		{"ecr:PutImage", "grayify", imageValue(t, img)},
		{"s3:CreateBucket", "results", results()},
	} {
		script.Inject(s.operation, 1, local.Fault{Drop: true, After: true})
		step(t, c, planner.Create, s.name, nil, s.want)
		if n := local.Count(script.Calls())[s.operation]; n != 2 {
			t.Errorf("%s was called %d times", s.operation, n)
		}
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	testLifecycle(t, startLocal(t, nil))
}

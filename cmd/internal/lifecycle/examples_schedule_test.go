package lifecycle

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReportsComeBySchedule sets the example's schedule two minutes ahead, on the clocks of its own time zone, and lets them pass.
func TestReportsComeBySchedule(t *testing.T) {
	c := newExample(t, "schedule")
	c.debianImage("boto3.tar", "python3-boto3", "tzdata")
	now, seen := c.upAtWill()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c.converge("soon.yaml")
	patiently(t, "the first of the reports that come every minute, which comes at once", func() bool { all, _ := seen.list(); return len(all) == 1 })
	c.converge()
	due := now.Now().In(berlin).Truncate(time.Minute).Add(2 * time.Minute)
	c.write("due.yaml", fmt.Sprintf("functions: {report: {schedule: {expression: \"cron(%d %d * * ? *)\", timezone: Europe/Berlin}}}\n", due.Minute(), due.Hour()))
	c.converge("due.yaml")
	files, size := c.arrive()
	now.Advance(due.Sub(now.Now()) - time.Second)
	if all, _ := seen.list(); len(all) != 1 {
		t.Errorf("a second before it is due, the function has run %d times", len(all))
	}
	now.Advance(time.Second)

	name := due.Format("2006-01-02") + ".txt"
	patiently(t, "the report", func() bool {
		all, _ := seen.list()
		if last := all[len(all)-1]; last.Failed() {
			t.Fatalf("the function failed: %s", last.LogTail)
		}
		return len(all) == 2
	})
	report := string(c.object("scar-press", "reports/"+name))
	for _, want := range []string{
		fmt.Sprintf("from %s to %s (Europe/Berlin)", due.AddDate(0, 0, -1).Format("2006-01-02 15:04"), due.Format("2006-01-02 15:04")),
		fmt.Sprintf("%8d files %14d bytes  in all", files, size), "'100% hubble.jpg'",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say %q:\n%s", want, report)
		}
	}
	all, _ := seen.list()
	for _, invocation := range all {
		if invocation.Source != "arn:aws:scheduler:us-east-1:000000000000:schedule/scar-press/report" {
			t.Errorf("the function was started by %q", invocation.Source)
		}
	}
	c.readsSchedule(due)
	c.leaveNothing()
}

// arrive puts the photographs of the other example into the folder, and returns how many they are and their bytes.
func (c *cli) arrive() (files, size int64) {
	c.t.Helper()
	photos, err := filepath.Abs(filepath.Join(root, "examples", "imagemagick", "photos"))
	if err != nil {
		c.t.Fatal(err)
	}
	err = filepath.WalkDir(photos, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			files, size = files+1, size+info.Size()
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.run("aws", "s3", "cp", "--recursive", "--quiet", photos, "s3://scar-press/in/")
	return files, size
}

func (c *cli) readsSchedule(due time.Time) {
	c.t.Helper()
	var schedule struct {
		ScheduleExpression, ScheduleExpressionTimezone, State string
		Target                                                struct{ Arn, RoleArn string }
	}
	c.ask(&schedule, "scheduler", "get-schedule", "--group-name", "scar-press", "--name", "report")
	if schedule.ScheduleExpression != fmt.Sprintf("cron(%d %d * * ? *)", due.Minute(), due.Hour()) || schedule.ScheduleExpressionTimezone != "Europe/Berlin" ||
		schedule.State != "ENABLED" || schedule.Target.Arn != "arn:aws:lambda:us-east-1:000000000000:function:report" {
		c.t.Errorf("the schedule reads back as %+v", schedule)
	}
}

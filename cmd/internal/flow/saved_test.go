package flow

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

func TestSavedPlan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.json")
	plan := &planner.Plan{
		Project: "imaging", Account: "000000000000", Region: "eu-west-1",
		Changes: []planner.Change{{
			Address: planner.Address{Kind: planner.KindBucket, Name: "photos"}, Action: planner.Create, Reason: planner.ReasonAbsent,
			After: planner.Bucket{Name: "photos", Region: "eu-west-1"},
		}},
	}
	source := planner.Source{Files: []string{"func.yaml"}, Profile: "lab", Version: "1.0"}
	if err := (&Planned{Plan: plan}).Save(path, source); err != nil {
		t.Fatal(err)
	}
	if plan.Source != nil {
		t.Error("saving changed the plan")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&source, got.Source); diff != "" {
		t.Error(diff)
	}
	got.Changes[0].Fields = nil // computed anew
	if diff := cmp.Diff(plan.Changes, got.Changes); diff != "" {
		t.Error(diff)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left beside the plan: %v, %v", entries, err)
	}
}

func TestLoadRefusesWhatIsNoPlan(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"no JSON":    {"#!/bin/sh", "is no plan of scar's"},
		"terraform":  {`{"format_version": "2.0"}`, "is no plan of scar's"},
		"plan--json": {`{"format_version": "1.0", "resource_changes": []}`, "was not saved by scar plan --out"},
	} {
		path := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("an absent plan was read")
	}
}

func TestSaveWhereNothingCanBeWritten(t *testing.T) {
	p := &Planned{Plan: &planner.Plan{}}
	if err := p.Save(filepath.Join(t.TempDir(), "absent", "plan.json"), planner.Source{}); err == nil {
		t.Error("a plan was saved in a folder that does not exist")
	}
}

func TestSavedPlanKeepsLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right on Windows")
	}
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link.json"), filepath.Join(dir, "plan.json")
	if err := errors.Join(os.WriteFile(target, []byte("former"), 0o644), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	plan := &Planned{Plan: &planner.Plan{Project: "imaging"}}
	if err := plan.Save(link, planner.Source{}); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != target {
		t.Errorf("the link became %q, %v", to, err)
	}
	if _, err := Load(target); err != nil {
		t.Error(err)
	}
	if err := plan.Save(filepath.Join(dir, "."), planner.Source{}); err == nil {
		t.Error("a plan was saved as a folder")
	}
}

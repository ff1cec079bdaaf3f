// Package proof collects what tests have counted, so that one table can say at the end how much has been tried. It
// is for tests only.
package proof

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Variable names the environment variable with the folder that counts are written to. Without it they are logged only.
const Variable = "SCAR_PROOF"

// Figure is one number that a test has come to.
type Figure struct {
	Name  string  // as docs/reliability.md has it in its first column
	Value float64 // a count, or an amount in Unit
	Unit  string  // empty for a count
	Test  string  // that says so
}

// Count reports a figure under its name. A test reports it once it is sure of it: at its end, when nothing has failed.
func Count(t testing.TB, name string, value float64, unit string) {
	t.Helper()
	if t.Failed() {
		return
	}
	t.Logf("%s: %v %s", name, value, unit)
	folder := os.Getenv(Variable)
	if folder == "" {
		return
	}
	if err := write(folder, Figure{Name: name, Value: value, Unit: unit, Test: t.Name()}); err != nil {
		t.Errorf("report %q: %v", name, err)
	}
}

func write(folder string, f Figure) error {
	content, err := json.Marshal(f)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "*.json")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// Read returns every figure that was reported to a folder.
func Read(folder string) ([]Figure, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var figures []Figure
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var f Figure
		if err := json.Unmarshal(content, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		figures = append(figures, f)
	}
	return figures, nil
}

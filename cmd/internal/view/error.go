package view

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/spec"
)

// Error prints what a command ended with: each error once, problems of the file with the line that
// they are in.
func Error(s *Streams, err error) {
	p := s.err()
	var problems spec.Problems
	if errors.As(err, &problems) {
		problemsHuman(p, problems)
		return
	}
	for _, one := range flatten(err) {
		first, rest, _ := strings.Cut(cleanLines(one.Error()), "\n")
		p.printf("%s %s\n", p.paint(red, "error:"), first)
		if rest != "" {
			p.printf("  %s\n", strings.ReplaceAll(rest, "\n", "\n  "))
		}
	}
}

// Note prints a remark.
func Note(s *Streams, message string) {
	s.err().printf("%s\n", cleanLines(message))
}

// flatten lists the errors that were collected in one. Left out is what was skipped because another change
// failed: the failure is among them, and what it stopped was told when it happened. Where the user ended
// the work, what the calls under way say about it is left out, too: the applier.Interrupted beside them says
// it better.
func flatten(err error) []error {
	var many *multierror.Error
	if !errors.As(err, &many) {
		return []error{err}
	}
	var out []error
	for _, one := range many.WrappedErrors() {
		var skipped *applier.SkippedError
		if errors.As(one, &skipped) {
			continue
		}
		out = append(out, flatten(one)...)
	}
	var interrupted *applier.Interrupted
	if errors.As(err, &interrupted) {
		out = slices.DeleteFunc(out, func(one error) bool {
			var it *applier.Interrupted
			return errors.Is(one, context.Canceled) && !errors.As(one, &it)
		})
	}
	return out
}

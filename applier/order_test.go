package applier

import (
	"fmt"
	"testing"

	"github.com/scar-go/scar/planner"
)

// BenchmarkOrder orders the creation of 1,000 functions on one bucket.
func BenchmarkOrder(b *testing.B) {
	at := func(k planner.Kind, format string, args ...any) planner.Address {
		return planner.Address{Kind: k, Name: fmt.Sprintf(format, args...)}
	}
	plan := &planner.Plan{}
	add := func(a planner.Address, needs ...planner.Address) planner.Address {
		plan.Changes = append(plan.Changes, planner.Change{Address: a, Action: planner.Create, Needs: needs})
		return a
	}
	repository, bucket := add(at(planner.KindRepository, "r")), add(at(planner.KindBucket, "b"))
	for i := range 1000 {
		image := add(at(planner.KindImage, "f%d", i), repository)
		role, group := add(at(planner.KindRole, "f%d", i)), add(at(planner.KindLogGroup, "f%d", i))
		function := add(at(planner.KindFunction, "f%d", i), image, role, group)
		permission := add(at(planner.KindPermission, "f%d/s", i), function)
		add(at(planner.KindTrigger, "b/%d", i), bucket, permission)
	}
	for b.Loop() {
		nodes, err := order(plan)
		if err != nil || len(nodes) != 5003 {
			b.Fatalf("%d nodes, %v", len(nodes), err)
		}
	}
}

package applier

import "github.com/scar-go/scar/planner"

// EventType is what an Event tells.
type EventType string

// The types of events. For each change that is carried out there is one Started, any number of
// Progressed, and one of Done and Failed; a function that is drained starts when its drain does. A change
// that is never begun has one Skipped and nothing else.
const (
	Started    EventType = "started"
	Progressed EventType = "progressed"
	Done       EventType = "done"
	Failed     EventType = "failed"
	Skipped    EventType = "skipped"
)

// Event is something that happened to one change while a plan was applied. The changes of one batch
// start together, and are done or fail together.
type Event struct {
	Type     EventType
	Change   planner.Change
	Progress Progress          // of Progressed
	Outputs  map[string]string // of Done: what only AWS can tell
	Err      error             // of Failed: what went wrong; of Skipped: why it was not begun
}

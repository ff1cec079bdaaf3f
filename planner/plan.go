package planner

// Action is what is done to a resource.
type Action string

// The actions.
const (
	NoOp    Action = "no-op"
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // delete, then create
	Delete  Action = "delete"
	Adopt   Action = "adopt"  // an update that also takes ownership, asked for by the user
	Retain  Action = "retain" // left the file, and stays in the account
)

// Reason says why an action is what it is, where the fields alone do not tell.
type Reason string

// The reasons.
const (
	ReasonAbsent       Reason = "absent"        // create: it is not there
	ReasonDiffers      Reason = "differs"       // update: fields differ
	ReasonCannotUpdate Reason = "cannot_update" // replace: a field cannot change in place
	ReasonWithFunction Reason = "with_function" // create: the function that carried it is replaced
	ReasonNotInFile    Reason = "not_in_file"   // delete: it left the file
	ReasonDestroy      Reason = "destroy"       // delete: the project is destroyed
	ReasonAdopted      Reason = "adopted"       // adopt: the user named it
	ReasonForeign      Reason = "foreign"       // no-op: it is used as it is
	ReasonKept         Reason = "kept"          // retain: buckets unless asked, log groups on demand
	ReasonInUse        Reason = "in_use"        // retain: others keep something in it
)

// Field is one difference between two Values. Path is made of the JSON names, joined by dots, with
// map keys in brackets: environment[QUALITY].
type Field struct {
	Path      string `json:"path"`
	Before    any    `json:"before"`
	After     any    `json:"after"`
	Sensitive bool   `json:"sensitive,omitempty"`
	Replace   bool   `json:"replace,omitempty"`
}

// Change is what happens to one resource. Before is nil when it is created, After when it is deleted.
type Change struct {
	Address
	Action Action
	Reason Reason
	Before Value
	After  Value
	Fields []Field
	Needs  []Address
	Owner  Owner // of the resource once the change is made
}

// Plan is what has to change, and all that is needed to do it.
type Plan struct {
	Project  string
	Account  string
	Region   string
	Source   *Source  // set by who saves the plan
	Changes  []Change // every resource of the project, no-ops included, as they are shown
	Preheat  []string // functions that are started once, when all is done, with an event that runs no script
	Warnings []Warning
}

// Source is what a saved plan was made from: applying it reads these files again, because a plan
// holds the digest of an image and not its files, and refuses when the digest has changed.
type Source struct {
	Files    []string `json:"files"`               // as given, relative to the working directory
	EnvFiles []string `json:"env_files,omitempty"` // files of variables, likewise; what they hold is not in the plan
	Profile  string   `json:"profile,omitempty"`
	Version  string   `json:"scar_version"`
}

// HasChanges says whether applying the plan does anything.
func (p *Plan) HasChanges() bool {
	add, change, destroy := p.Counts()
	return add+change+destroy > 0
}

// Counts are the numbers of resources that are created, changed and deleted; a replaced one counts as
// created and as deleted.
func (p *Plan) Counts() (add, change, destroy int) {
	for _, c := range p.Changes {
		switch c.Action {
		case Create:
			add++
		case Update, Adopt:
			change++
		case Delete:
			destroy++
		case Replace:
			add++
			destroy++
		case NoOp, Retain:
		}
	}
	return add, change, destroy
}

// Warning is something that the user should know before agreeing to a plan, and that does not stop it.
type Warning struct {
	Address Address `json:"address"`
	Message string  `json:"message"`
}

// Batch is the changes that are made together: those of one bucket's notification document, those of
// one function's policy, or a single one.
type Batch []Change

// Outputs are the values that only AWS can tell, such as a function's ARN or URL, by name.
type Outputs map[Address]map[string]string

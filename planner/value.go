package planner

// Value is what a resource is, in full: the fields that scar manages, each with its final value,
// defaults filled in and sets sorted, so that two Values can be compared field by field. Fields that
// others manage are left out, or carried over from the live value before the comparison.
//
// Struct tags steer the comparison: `plan:"replace"` marks a field that cannot change in place,
// `plan:"sensitive"` one that is never printed, `plan:"-"` one that steers and is not compared.
type Value interface {
	// Kind is the kind of resource that the value describes.
	Kind() Kind
	sealed()
}

// Bucket is an S3 bucket. A bucket that exists and is not the project's is used as it is.
type Bucket struct {
	Name   string `json:"name"`
	Region string `json:"region" plan:"replace"`
	Tags   Tags   `json:"tags"`
}

// Repository is the project's ECR repository, one for the images of all its functions.
type Repository struct {
	Name string `json:"name"`
	Tags Tags   `json:"tags"`
}

// Image is the image of one function in the project's repository, under the function's name as tag.
// Parts says what it is made of, read by position from a manifest, live or predicted.
type Image struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"` // of the manifest, sha256:…
	Parts      Parts  `json:"parts"`
}

// Parts are the digests of an image's layers: the base's, hashed into one, and the four that scar
// adds. They are what a plan names as the reason of a new digest.
type Parts struct {
	Base    string `json:"base"`
	Runtime string `json:"runtime"`
	Files   string `json:"files"`
	Script  string `json:"script"`
	Job     string `json:"job"`
}

// LogGroup is the log group of one function.
type LogGroup struct {
	Name          string `json:"name"`
	RetentionDays int    `json:"retention_days"` // 0: for ever
	Tags          Tags   `json:"tags"`
}

// Role is the IAM role that a function runs under, with scar's one inline policy. Other inline
// policies and attached managed policies are the user's own.
type Role struct {
	Name        string `json:"name"`
	Path        string `json:"path" plan:"replace"`
	Description string `json:"description"`
	Trust       Policy `json:"trust"`
	Policy      Policy `json:"policy"` // the inline policy PolicyName; zero: absent
	Tags        Tags   `json:"tags"`
}

// Function is a Lambda function that runs an image.
type Function struct {
	Name             string            `json:"name"`
	Description      string            `json:"description"`
	PackageType      string            `json:"package_type" plan:"replace"` // Image
	Image            string            `json:"image"`                       // URI by digest; empty for a zip function
	Entrypoint       []string          `json:"entrypoint"`                  // of Lambda's ImageConfig, always empty in a desired value
	Command          []string          `json:"command"`                     // likewise
	WorkingDirectory string            `json:"working_directory"`           // likewise
	Role             string            `json:"role"`                        // ARN
	Memory           int               `json:"memory"`                      // MB
	Timeout          int               `json:"timeout"`                     // seconds
	EphemeralStorage int               `json:"ephemeral_storage"`           // MB
	Architecture     string            `json:"architecture"`                // x86_64 or arm64
	Environment      map[string]string `json:"environment"`
	LogGroup         string            `json:"log_group"`
	LogFormat        string            `json:"log_format"` // Text or JSON
	Tags             Tags              `json:"tags"`
}

// Permission is one statement of a function's resource policy: who may invoke it.
type Permission struct {
	Function      string `json:"function"`
	StatementID   string `json:"statement_id"`
	Action        string `json:"action"`
	Principal     string `json:"principal"` // a service principal
	SourceARN     string `json:"source_arn"`
	SourceAccount string `json:"source_account"`
}

// Trigger is one rule of a bucket's notification document.
type Trigger struct {
	Bucket string   `json:"bucket"`
	ID     string   `json:"id"`
	Target string   `json:"target"` // ARN of the function, queue or topic
	Events []string `json:"events"` // sorted
	Prefix string   `json:"prefix"`
	Suffix string   `json:"suffix"`
}

// Tags are the tags of a resource without those that AWS reserves (aws:…).
type Tags map[string]string

// Kind implements Value.
func (Bucket) Kind() Kind { return KindBucket }

// Kind implements Value.
func (Repository) Kind() Kind { return KindRepository }

// Kind implements Value.
func (Image) Kind() Kind { return KindImage }

// Kind implements Value.
func (LogGroup) Kind() Kind { return KindLogGroup }

// Kind implements Value.
func (Role) Kind() Kind { return KindRole }

// Kind implements Value.
func (Function) Kind() Kind { return KindFunction }

// Kind implements Value.
func (Permission) Kind() Kind { return KindPermission }

// Kind implements Value.
func (Trigger) Kind() Kind { return KindTrigger }

func (Bucket) sealed()     {}
func (Repository) sealed() {}
func (Image) sealed()      {}
func (LogGroup) sealed()   {}
func (Role) sealed()       {}
func (Function) sealed()   {}
func (Permission) sealed() {}
func (Trigger) sealed()    {}

// Package spec reads func.yaml: YAML in, File out. A File is complete: defaults are filled in, paths
// are absolute, the script is read, sizes are in MB and durations in seconds, and every problem that
// the file alone can have has been reported with its line and column.
package spec

import (
	"fmt"
	"io"
)

// File is one project as its file describes it, overlays merged.
type File struct {
	Path string // of the first file, as the user gave it; - for standard input

	RequiredVersion string // of scar, as the file has it: ">= 0.1, < 2"; empty: any

	Project string
	Region  string // empty: as the AWS SDK finds it
	Profile string // empty: as the AWS SDK finds it

	Tags        map[string]string // of the top level, for what belongs to no single function
	TagsManaged bool              // the top level has a tags block

	Storage map[string]Storage // providers other than the account's own S3, by name, such as minio.lab

	// Parameters are the secrets that the file brings with it, through variables or, in a classic file, in its text.
	// Scar keeps each as a SecureString parameter of the project, to which a Secret then refers. Sorted by name.
	Parameters []Parameter

	Functions []Function // sorted by name

	Classic bool   // written in the classic Function Definition Language
	Notes   []Note // of what the file has and what means nothing any more, in the order of the file
}

// Note is something that the user should know of a file that is right.
type Note struct {
	Place string // as problems show it: func.yaml:12:5
	Text  string
}

// Parameter is a secret whose value scar has.
type Parameter struct {
	Name  string // in Systems Manager, as ParameterName makes it
	Value Sealed
}

// ParameterName is the name of the parameter that keeps a secret of a project: of a variable of a function, or of a key of
// a provider of storage, such as minio.lab, below storage.
func ParameterName(project, of, key string) string {
	return "/scar/" + project + "/" + of + "/" + key
}

// Sealed is a secret. However it is printed or encoded, it does not show; only Reveal gives it away.
type Sealed struct{ text string }

// Seal keeps a secret.
func Seal(text string) Sealed { return Sealed{text} }

// Reveal is the secret itself.
func (s Sealed) Reveal() string { return s.text }

// String implements fmt.Stringer.
func (Sealed) String() string { return "(hidden)" }

// Format implements fmt.Formatter, for verbs that would print what is in it.
func (s Sealed) Format(to fmt.State, _ rune) {
	_, _ = io.WriteString(to, s.String()) // fmt.State keeps what is written, and gives no errors
}

// MarshalText implements encoding.TextMarshaler.
func (Sealed) MarshalText() ([]byte, error) { return []byte("(hidden)"), nil }

// Function is one entry of functions, with defaults and the file's tags merged in.
type Function struct {
	Name        string
	Description string
	File        string // that Line is in, as the user gave it; one of several when files are overlaid
	Line        int    // of the function's key in the file, from 1, for messages of later checks
	Column      int    // likewise, in characters

	Image   Source
	Script  *Script  // nil: the image's entrypoint runs, with Command if that is set
	Command []string // arguments to the image's entrypoint
	Files   []Entry  // sorted by Name

	Memory           int    // MB
	Timeout          int    // seconds
	TimeoutMargin    int    // seconds
	EphemeralStorage int    // MB, /tmp
	Architecture     string // x86_64, arm64, or empty: the image's, x86_64 if it has both

	Env         map[string]string
	Secrets     map[string]Secret // the script's variables that hold a secret
	Inputs      []Input
	Outputs     []Output
	KeepFolders bool
	Records     string // bucket of the account's own S3 that holds a small record of each input; empty: none is written
	Dedupe      bool   // an event delivered twice is processed once; only with Records

	HTTP     *HTTP     // nil: it has no address
	Schedule *Schedule // nil: it has none
	Queue    *Queue    // nil: objects start it without one

	Concurrency        int     // reserved executions at a time; only with ConcurrencyManaged; Unreserved: none
	ConcurrencyManaged bool    // the file says what is reserved: otherwise what was reserved by hand is left alone
	Retries            Retries // of asynchronous events
	OnFailure          string  // ARN of what Lambda tells of failed events, or s3://BUCKET; empty: nothing

	VPC    *VPC    // nil: in none
	Mounts []Mount // one at most

	Role        string // ARN of a role of the user's; empty: scar makes one
	Permissions []Permission

	Logs Logs

	Mode    string // lambda; or lambda-batch or batch, which are refused unless Options.KeepUnbuilt is set
	Batch   *Batch // nil: the file has none
	Preheat bool   // an apply that changed it ends by starting it once, with an event that runs no script

	// What the classic format says of scar run alone.
	RunScript    *Script // runs instead of Script; nil: Script does
	Asynchronous bool    // scar run does not wait for the end

	Tags        map[string]string // the file's and the function's; without scar's own
	TagsManaged bool              // the file has a tags block: tags that it does not name are removed
}

// Place is where the function is described, as problems show it: func.yaml:12:5. It is empty for a function
// that was not read from a file.
func (f *Function) Place() string {
	if f.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// Source is where an image comes from.
type Source struct {
	Reference string // registry reference, empty when Path is set
	Path      string // absolute path of an archive or layout
}

// String is the source as messages show it.
func (s Source) String() string {
	if s.Path != "" {
		return s.Path
	}
	return s.Reference
}

// Script is the program that runs for each event.
type Script struct {
	Name        string // the file's name, or "run" for a script in func.yaml
	Content     []byte
	Interpreter string // program of the image that runs the script whatever its #! line says; empty: none does
}

// Entry is one file that is shipped beside the script.
type Entry struct {
	Name   string // slash-separated path below the folder of files
	Path   string // absolute path on this machine
	Size   int64  // bytes
	Exec   bool   // is stored with mode 0755
	Target string // of a symbolic link that stays inside the folder; Path is empty then
}

// OwnS3 is the provider of inputs and outputs on the account's own S3.
const OwnS3 = "s3"

// IsOwnS3 says whether a provider is the account's own S3, where a place is that names none.
func IsOwnS3(provider string) bool { return provider == OwnS3 || provider == "" }

// Input is one place whose objects start the function. On a provider other than OwnS3 nothing does by itself: what
// it reports has to be sent to the function.
type Input struct {
	Provider string   // OwnS3, or a name of File.Storage
	Bucket   string   // empty where the provider has none
	Prefix   string   // empty, or ends in a slash
	Suffix   []string // at least one; "" takes every object
	Events   []string // S3 event types, such as s3:ObjectCreated:*; sorted
}

// Output is one place that results go to.
type Output struct {
	Provider string   // OwnS3, or a name of File.Storage
	Bucket   string   // empty where the provider has none
	Prefix   string   // empty, or ends in a slash
	Match    []string // globs on the path below TMP_OUTPUT_DIR; none takes every file
}

// Permission is a right that the function's role has beside those that scar derives.
type Permission struct {
	Actions   []string
	Resources []string
}

// Batch says what runs a function where Lambda does not, or no longer.
type Batch struct {
	VCPUs          float64
	Memory         int // MB
	GPUs           int
	Subnets        []string // ids, sorted
	SecurityGroups []string // ids, sorted
	Platform       string   // fargate or ec2

	InstanceTypes  []string // of ec2, sorted
	MinVCPUs       int
	DesiredVCPUs   int
	MaxVCPUs       int
	InstanceRole   string // ARN; empty: scar makes one
	ServiceRole    string // ARN; empty: AWS's own
	LaunchTemplate string // name; empty: none
	Nodes          int    // of one job that runs on several; 0: it runs on one
	MainNode       int    // index, from 0
	Env            map[string]string
}

// Unreserved is the Concurrency of a function for which none is reserved.
const Unreserved = -1

// HTTP says how a function is reached over HTTP: by a function URL, or by an API of API Gateway.
type HTTP struct {
	API  string // name of the HTTP API; empty: a function URL
	Auth string // iam or none
	CORS *CORS  // nil: pages of other origins may not call
}

// CORS says which pages of other origins may call from a browser.
type CORS struct {
	Origins     []string // such as https://example.org, or *; sorted
	Methods     []string // upper case, or *; sorted
	Headers     []string // that a page may send; lower case, or *; sorted
	Expose      []string // headers that a page may read; likewise
	Credentials bool     // a page may send cookies
	MaxAge      int      // seconds that a browser may remember it
}

// Schedule says when a function starts by itself.
type Schedule struct {
	Expression string // rate(…) or cron(…), as EventBridge Scheduler takes it
	Timezone   string // IANA's name; UTC unless the file says otherwise
}

// Queue is the queue that a function takes its events from.
type Queue struct {
	ARN            string // of a queue of the user's; empty: scar makes one, between the inputs and the function
	BatchSize      int    // messages in one invocation, 1 to 10
	MaxConcurrency int    // invocations at a time, 2 to 1000; 0: as many as Lambda likes
	Attempts       int    // after which a message goes to the dead-letter queue; only of scar's own queue
}

// Retries say how long Lambda tries asynchronous events that a function fails on.
type Retries struct {
	Attempts int // retries after the first attempt, 0 to 2
	MaxAge   int // seconds, 60 to 21600
}

// VPC is where in a network a function runs.
type VPC struct {
	Subnets        []string // ids, sorted
	SecurityGroups []string // ids, sorted
}

// Mount is a file system of EFS.
type Mount struct {
	AccessPoint string // ARN
	Path        string // below /mnt/
}

// Logs says how the function logs.
type Logs struct {
	RetentionDays int
	Level         string // debug, info, warning or error
	Format        string // text or json
	Metrics       bool   // each run logs its figures in CloudWatch's embedded metric format
}

// Storage is a provider of files that is not the account's own S3.
type Storage struct {
	Type     string // s3, minio, webdav or onedata
	Endpoint string // URL; empty for AWS's S3
	Region   string // of s3 and minio
	Space    string // of onedata

	AccessKey, SecretKey *Credential // of s3 and minio; nil where the file has none
	User, Password       *Credential // of webdav
	Token                *Credential // of onedata
}

// Credential is a name as it stands in the file, or a secret. Passwords, tokens and secret keys are always the latter.
type Credential struct {
	Text   string
	Secret *Secret
}

// Secret says where a secret is kept. What it holds is never read on this machine.
type Secret struct {
	Service string // ssm or secretsmanager
	Name    string // of the parameter or the secret, or its ARN
	Key     string // in the secret's JSON object; empty: the whole value
}

package planner

// Subject is a sort of thing that a file refers to, or that bears on it, and that is not scar's to make.
type Subject string

// The subjects, and what a Question about each names.
const (
	AboutSubnet        Subject = "subnet"         // its id
	AboutSecurityGroup Subject = "security_group" // its id
	AboutAccessPoint   Subject = "access_point"   // ARN, of EFS
	AboutParameter     Subject = "parameter"      // name or ARN, of Systems Manager
	AboutSecret        Subject = "secret"         // name or ARN, of Secrets Manager
	AboutQueue         Subject = "queue"          // ARN, of SQS
	AboutTopic         Subject = "topic"          // ARN, of SNS
	AboutEventBus      Subject = "event_bus"      // ARN, of EventBridge
	AboutFunction      Subject = "function"       // ARN or name
	AboutEncryption    Subject = "encryption"     // name of a bucket
	AboutRules         Subject = "rules"          // name of a bucket whose notifications are not in the state yet
	AboutConcurrency   Subject = "concurrency"    // nothing: it is about the account
)

// Question asks for something that a plan depends on and that is not scar's to make. Questions are comparable, so
// that each is asked once.
type Question struct {
	About Subject
	Name  string
}

// Answer is what is known of a Question's subject. Which fields are set depends on the subject.
type Answer struct {
	Absent  bool   // there is no such thing
	Unknown string // why it could not be found out, such as a right that the caller lacks; nothing else is set then

	VPC        string         // of a subnet or security group, and of the access point's file system
	Zone       string         // availability zone of a subnet
	Zones      []string       // of the mount targets of an access point's file system
	Visibility int            // seconds, of a queue
	FIFO       bool           // of a queue or topic
	Key        string         // encryption: ARN of the customer's key that objects of a bucket are encrypted with, or of a secret's or parameter's; empty: none
	Limit      int            // concurrency: executions that the account may have at a time
	Reserved   map[string]int // concurrency: what is reserved, by function

	Project string    // function: of scar that it belongs to; empty: none, or not scar's
	Writes  []Place   // function: folders that it may write to, where it is scar's
	Rules   []Trigger // rules: what is set at the bucket
}

// Place is a folder of a bucket.
type Place struct {
	Bucket string
	Prefix string // empty, or ends in a slash
}

// Answers are what is known so far.
type Answers map[Question]Answer

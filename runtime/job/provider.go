package job

// OwnS3 is the provider that is always there: S3 of the account that the function runs in, with the rights of its role.
const OwnS3 = "s3"

// Provider is a place for files that is not the account's own S3. Its name in Job.Storage, such as
// minio.lab, begins with its type.
type Provider struct {
	Type     ProviderType `json:"type"`
	Endpoint string       `json:"endpoint,omitempty"` // URL; empty for AWS's S3
	Region   string       `json:"region,omitempty"`   // of s3 and minio
	Space    string       `json:"space,omitempty"`    // of onedata

	AccessKey *Credential `json:"access_key,omitempty"` // of s3 and minio
	SecretKey *Credential `json:"secret_key,omitempty"`
	User      *Credential `json:"user,omitempty"` // of webdav
	Password  *Credential `json:"password,omitempty"`
	Token     *Credential `json:"token,omitempty"` // of onedata
}

// ProviderType is the protocol that a provider speaks.
type ProviderType string

// The types of providers.
const (
	S3      ProviderType = "s3"
	MinIO   ProviderType = "minio" // S3's protocol at an endpoint of its own
	WebDAV  ProviderType = "webdav"
	Onedata ProviderType = "onedata"
)

// HasBuckets says whether the places of a provider are a bucket and a folder in it. Those of others are a folder only.
func (t ProviderType) HasBuckets() bool { return t == S3 || t == MinIO }

// Credential is a name as it stands, or a secret that is fetched when the storage is first used. What a secret holds
// is never part of a job.
type Credential struct {
	Text   string  `json:"text,omitempty"`
	Secret *Secret `json:"secret,omitempty"`
}

// Secret says where a secret is kept.
type Secret struct {
	Service SecretService `json:"service"`
	Name    string        `json:"name"`          // of the parameter or the secret, or its ARN
	Key     string        `json:"key,omitempty"` // in the secret's JSON object; empty: the whole value
}

// SecretService is a service that keeps secrets.
type SecretService string

// The services that keep secrets: parameters of Systems Manager, and Secrets Manager.
const (
	SSM            SecretService = "ssm"
	SecretsManager SecretService = "secretsmanager"
)

// String is the secret as func.yaml names it.
func (s Secret) String() string {
	text := string(s.Service) + ":" + s.Name
	if s.Key != "" {
		text += "#" + s.Key
	}
	return text
}

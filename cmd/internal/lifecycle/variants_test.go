package lifecycle

// variants are files of one project. Each is applied after the one before, so that every way from one to the
// next is gone too.
var variants = []struct{ name, file string }{
	{"one function", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"several functions", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/, s3://scans/a/], output: [s3://photos/out/, s3://results/]}
  b: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://results/b/]}
  c: {image: x/y}
`},
	{"inputs change hands", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://photos/out/]}
  b: {image: x/y, run: "true", input: [s3://photos/a/, s3://scans/a/], output: [s3://results/b/]}
`},
	{"suffixes and events", `
functions:
  a:
    image: x/y
    run: "true"
    input:
    - {from: s3://photos/b/, suffix: [.png, .jpg, " +.ü"]}
    - {from: s3://photos/b/, suffix: [.gif], events: [removed, "s3:ObjectCreated:Put"]}
    output: [{to: s3://photos/out/, match: ["*.txt"]}]
`},
	{"a role of the user's", `
functions:
  a: {image: x/y, run: "true", role: ROLE, input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"permissions and environment", `
functions:
  a:
    image: x/y
    run: "true"
    description: Does <a> & "b"
    env: {QUALITY: 80, EMPTY: "", "UNICODE": "ü 日"}
    permissions:
    - {actions: [s3:ListAllMyBuckets], resources: ["*"]}
    - {actions: [dynamodb:PutItem, dynamodb:GetItem], resources: ["arn:aws:dynamodb:*:*:table/jobs", "arn:aws:dynamodb:*:*:table/a"]}
    input: [s3://photos/a/]
    output: [s3://photos/out/]
`},
	{"another architecture, sizes and logs", `
functions:
  a:
    image: x/y
    run: "true"
    architecture: arm64
    memory: 10GB
    timeout: 15m
    ephemeral_storage: 10240
    logs: {retention_days: 3653, level: debug}
    input: [s3://photos/a/]
    output: [s3://photos/out/]
`},
	{"other storage, secrets, records and logs", `
storage:
  minio.lab: {endpoint: "https://minio.example.org", access_key: "ssm:/lab/key", secret_key: "secretsmanager:lab#secret"}
  webdav.nas: {endpoint: "https://nas.example.org/dav", user: u, password: "secretsmanager:nas"}
  s3.far: {region: eu-central-1}
functions:
  a:
    image: x/y
    run: "true"
    secrets: {TOKEN: "ssm:/imaging/token", DB: "secretsmanager:imaging/db#password"}
    records: false
    logs: {format: json, metrics: true}
    input: [minio.lab/scans/in/, s3://photos/a/, s3.far/archive/]
    output: [webdav.nas/results/, s3://photos/out/, s3.far/results/]
  b: {image: x/y, run: "true", dedupe: true, input: [s3://photos/b/], output: [minio.lab/results, s3://photos/out/]}
  c: {image: x/y, run: "true", input: webdav.nas/in, output: minio.lab/results/c}
`},
	{"tags of the project", `
tags: {team: imaging, "cost center": "7 + 8"}
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"tags of a function", `
tags: {team: imaging}
functions:
  a: {image: x/y, run: "true", tags: {own: "1"}, input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"tags emptied", `
tags: {}
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"long names", `
functions:
  NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
  NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNM: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://photos/out/]}
`},
	{"started directly", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"through a queue", `
functions:
  a: {image: x/y, run: "true", queue: true, input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"through a queue with other settings, and further buckets", `
functions:
  a: {image: x/y, run: "true", timeout: 15m, queue: {batch_size: 1, max_concurrency: 2, attempts: 1000}, input: [s3://photos/b/, s3://scans/a/], output: [s3://photos/out/]}
`},
	{"through a queue of the user's", `
functions:
  a: {image: x/y, run: "true", queue: {arn: "${QUEUE}", batch_size: 10, max_concurrency: 1000}, input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"directly again", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"two share a bucket, one through a queue", `
functions:
  a: {image: x/y, run: "true", queue: true, input: [s3://photos/a/], output: [s3://photos/out/]}
  b: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://photos/out/]}
`},
	{"the other through a queue", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
  b: {image: x/y, run: "true", queue: true, input: [s3://photos/b/], output: [s3://photos/out/]}
`},
	{"another name", `
functions:
  renamed: {image: x/y, run: "true", queue: true, schedule: rate(30 days), http: true, on_failure: "s3://failed", input: [s3://photos/b/], output: [s3://photos/out/]}
`},
	{"and another", `
functions:
  renamed-again: {image: x/y, run: "true", queue: true, schedule: rate(30 days), http: true, on_failure: "s3://failed", input: [s3://photos/b/], output: [s3://photos/out/]}
`},
	{"a URL for callers with credentials", `
functions:
  a: {image: x/y, run: "true", http: true}
`},
	{"a URL for everybody", `
functions:
  a: {image: x/y, run: "true", http: {auth: none, cors: true}}
`},
	{"an API", `
functions:
  a: {image: x/y, run: "true", timeout: 10, http: {api: images, cors: {origins: [https://a.example], headers: [x-a], max_age: 1h}}}
`},
	{"the API of another name, for everybody", `
functions:
  a: {image: x/y, run: "true", timeout: 10, http: {api: pictures, auth: none}}
`},
	{"the API goes to another function", `
functions:
  a: {image: x/y, run: "true", http: true}
  b: {image: x/y, run: "true", http: {api: pictures, auth: none}}
`},
	{"a schedule", `
functions:
  a: {image: x/y, run: "true", schedule: rate(30 days)}
`},
	{"another time, and a schedule of another function", `
functions:
  a: {image: x/y, run: "true", schedule: {expression: "cron(0 3 ? * MON-FRI *)", timezone: Asia/Tokyo}}
  b: {image: x/y, run: "true", schedule: "cron(0 8 1 * ? *)"}
`},
	{"one of them without a schedule", `
functions:
  a: {image: x/y, run: "true", schedule: rate(60 days)}
  b: {image: x/y, run: "true"}
`},
	{"in a VPC", `
functions:
  a: {image: x/y, run: "true", vpc: {subnets: ["${SUBNET_A}"], security_groups: ["${GROUP}"]}}
`},
	{"with a file system", `
functions:
  a: {image: x/y, run: "true", vpc: {subnets: ["${SUBNET_A}", "${SUBNET_B}"], security_groups: ["${OTHER_GROUP}"]}, mounts: [{access_point: "${ACCESS_POINT}", path: /mnt/data}]}
`},
	{"the file system elsewhere", `
functions:
  a: {image: x/y, run: "true", vpc: {subnets: ["${SUBNET_B}"], security_groups: ["${GROUP}", "${OTHER_GROUP}"]}, mounts: [{access_point: "${ACCESS_POINT}", path: /mnt/other}]}
`},
	{"without the file system", `
functions:
  a: {image: x/y, run: "true", vpc: {subnets: ["${SUBNET_B}"], security_groups: ["${GROUP}"]}}
`},
	{"in no VPC, five reserved", `
functions:
  a: {image: x/y, run: "true", concurrency: 5}
`},
	{"none reserved", `
functions:
  a: {image: x/y, run: "true", concurrency: {}}
`},
	{"never to run", `
functions:
  a: {image: x/y, run: "true", concurrency: 0}
`},
	{"reservations left to others, failures to a bucket", `
functions:
  a: {image: x/y, run: "true", on_failure: "s3://failed"}
`},
	{"failures to a queue", `
functions:
  a: {image: x/y, run: "true", on_failure: "${QUEUE}", retries: {attempts: 0}}
`},
	{"failures to a topic", `
functions:
  a: {image: x/y, run: "true", on_failure: "${TOPIC}", retries: {max_age: 1m}}
`},
	{"failures to an event bus", `
functions:
  a: {image: x/y, run: "true", on_failure: "${BUS}"}
`},
	{"failures to another function of the file", `
functions:
  a: {image: x/y, run: "true", on_failure: "${FUNCTION_B}"}
  b: {image: x/y, run: "true"}
`},
	{"the other way round", `
functions:
  a: {image: x/y, run: "true"}
  b: {image: x/y, run: "true", on_failure: "${FUNCTION_A}"}
`},
	{"fewer retries, nothing to hear of failures", `
functions:
  a: {image: x/y, run: "true", retries: {attempts: 1, max_age: 2h}}
`},
	{"everything of it at once", `
functions:
  a:
    image: x/y
    run: "true"
    queue: true
    schedule: rate(30 days)
    http: {auth: none}
    concurrency: 3
    retries: {attempts: 1}
    on_failure: s3://failed
    vpc: {subnets: ["${SUBNET_A}"], security_groups: ["${GROUP}"]}
    mounts: [{access_point: "${ACCESS_POINT}", path: /mnt/data}]
    logs: {format: json, level: debug}
    input: [s3://photos/a/]
    output: [s3://photos/out/]
`},
	{"a role of the user's for everything", `
functions:
  a:
    image: x/y
    run: "true"
    role: ROLE
    queue: true
    schedule: rate(30 days)
    http: {api: images}
    on_failure: "${TOPIC}"
    vpc: {subnets: ["${SUBNET_A}"], security_groups: ["${GROUP}"]}
    input: [s3://photos/a/]
    output: [s3://photos/out/]
`},
	{"no functions at all", `
functions: {}
`},
}

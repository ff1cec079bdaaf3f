// Package image finds container images, puts layers on top of them and pushes the result to a registry,
// without a daemon and without a container engine.
//
// A [Resolver] turns a [Source] (a reference to a registry, a docker save archive, an OCI archive or an
// OCI layout) into a [Base]: one image for Linux on x86_64 or arm64, with layers that AWS Lambda
// accepts. [NewLayer] packs files into a [Layer] whose bytes depend on the files' names, contents and
// executable bits alone. [Assemble] puts layers on a base; it needs the base's manifest and configuration
// only, so the digest of an image is known before one byte of the base's layers is read. [PushBlobs]
// sends what a repository lacks.
//
// The package knows layers and files, and nothing of what they are for. What it reads, from registries
// and archives alike, is taken as hostile: sizes are bounded, contents are checked against their digests,
// and nothing of an archive is ever unpacked into the file system by its name.
package image

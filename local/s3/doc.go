// Package s3 is the S3 of the embedded backend: buckets, objects, multipart uploads and event
// notifications over the REST protocol, so that the AWS SDKs, the AWS CLI and curl work against it
// as they do against AWS.
//
// What is stored where: the index (buckets, objects, uploads, parts, events to deliver) lives in the
// backend's bbolt file; the bytes live in files below Config.Dir with random names. An object key is
// never part of a path. A file becomes visible only when the transaction that names it commits, so a
// SIGKILL at any moment leaves either the old object or the new one; files that no entry names are
// removed by Run after the next start.
//
// The protocol is written here rather than taken from a library: bodies in aws-chunked encoding with
// trailing checksums, ETags and part reads of multipart uploads, keys that XML or paths cannot hold,
// rights by caller, and events in the same transaction as the object all need the handler and the
// index to know of each other.
//
// Nothing is encrypted: answers say with what AWS would, and who has no right on a key of KMS is refused.
// What is not served (versioning, ACLs, lifecycle, keys of clients, …) is refused by name.
package s3

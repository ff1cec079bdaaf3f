// Package efs serves of Amazon Elastic File System what functions mount: file systems, their mount targets and their access points.
//
// The files of an access point are in a folder of its own on this machine. Access points of one file system share it if their
// root directories are the same; one below the other's is not seen in it. Who owns a file is not emulated: POSIX users are kept and
// shown.
package efs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Subnet is what a mount target has to know of a subnet.
type Subnet struct {
	VPC, Zone, ZoneID string
	CIDR              netip.Prefix
	DefaultGroup      string // id of the VPC's default security group
}

// Networks knows the VPCs of the account. Errors are EC2's (a wire.Error) where something does not exist.
type Networks interface {
	Subnet(ctx context.Context, id string) (Subnet, error)
	// CheckVPC returns the id of the VPC that all subnets and security groups are of.
	CheckVPC(ctx context.Context, subnets, groups []string) (vpcID string, err error)
}

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB       *store.DB
	Dir      string // folder for the files, made with the first access point; nobody else may use it
	Clock    clock.Clock
	Account  string // twelve digits
	Region   string
	Networks Networks
}

// Service is the EFS of one account and region. It is an http.Handler.
type Service struct {
	*wire.RESTAPI
	cfg     Config
	systems *store.Table[fileSystem] // by id, as the others
	targets *store.Table[mountTarget]
	points  *store.Table[accessPoint]

	mu sync.Mutex // held by whoever makes or deletes something, since what that needs is in several tables
}

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	s := &Service{cfg: cfg}
	var err error
	if s.systems, err = store.NewTable[fileSystem](cfg.DB, "efs.systems"); err != nil {
		return nil, err
	}
	if s.targets, err = store.NewTable[mountTarget](cfg.DB, "efs.targets"); err != nil {
		return nil, err
	}
	if s.points, err = store.NewTable[accessPoint](cfg.DB, "efs.points"); err != nil {
		return nil, err
	}
	s.RESTAPI = wire.NewRESTAPI("elasticfilesystem", s.operations())
	return s, nil
}

func (s *Service) operations() []wire.RESTOperation {
	const v = "/2015-02-01"
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	return []wire.RESTOperation{
		{Name: "CreateFileSystem", Pattern: "POST " + v + "/file-systems", Status: created, Do: wire.REST(s.createFileSystem)},
		{Name: "DescribeFileSystems", Pattern: "GET " + v + "/file-systems", Status: ok, Do: wire.REST(s.describeFileSystems)},
		{Name: "DeleteFileSystem", Pattern: "DELETE " + v + "/file-systems/{id}", Status: gone, Do: s.deleteFileSystem},
		{Name: "CreateMountTarget", Pattern: "POST " + v + "/mount-targets", Status: ok, Do: wire.REST(s.createMountTarget)},
		{Name: "DescribeMountTargets", Pattern: "GET " + v + "/mount-targets", Status: ok, Do: wire.REST(s.describeMountTargets)},
		{Name: "DeleteMountTarget", Pattern: "DELETE " + v + "/mount-targets/{id}", Status: gone, Do: s.deleteMountTarget},
		{Name: "DescribeMountTargetSecurityGroups", Pattern: "GET " + v + "/mount-targets/{id}/security-groups", Status: ok, Do: wire.REST(s.describeGroups)},
		{Name: "CreateAccessPoint", Pattern: "POST " + v + "/access-points", Status: ok, Do: wire.REST(s.createAccessPoint)},
		{Name: "DescribeAccessPoints", Pattern: "GET " + v + "/access-points", Status: ok, Do: wire.REST(s.describeAccessPoints)},
		{Name: "DeleteAccessPoint", Pattern: "DELETE " + v + "/access-points/{id}", Status: gone, Do: s.deleteAccessPoint},
		{Name: "ListTagsForResource", Pattern: "GET " + v + "/resource-tags/{id}", Status: ok, Do: wire.REST(s.listTags)},
		{Name: "TagResource", Pattern: "POST " + v + "/resource-tags/{id}", Status: ok, Do: wire.REST(s.tagResource)},
		{Name: "UntagResource", Pattern: "DELETE " + v + "/resource-tags/{id}", Status: ok, Do: wire.REST(s.untagResource)},
	}
}

// Tagged are the file systems and access points for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.systems.Each("", func(id string, f fileSystem) bool {
		out = append(out, wire.Resource{ARN: s.systemARN(id), Tags: f.Tags})
		return true
	})
	if err == nil {
		err = s.points.Each("", func(id string, p accessPoint) bool {
			out = append(out, wire.Resource{ARN: s.pointARN(id), Tags: p.Tags})
			return true
		})
	}
	return out, err
}

// ResourceARN is the ARN of what a call is about, for policies, or *.
func (s *Service) ResourceARN(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 3 {
		return "*"
	}
	switch id := parts[2]; {
	case strings.HasPrefix(id, "fsap-"):
		return s.pointARN(id)
	case strings.HasPrefix(id, "fs-"):
		return s.systemARN(id)
	default:
		return "*"
	}
}

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:elasticfilesystem:%s:%s:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, resource)
}

func (s *Service) systemARN(id string) string { return s.arn("file-system/" + id) }

func (s *Service) pointARN(id string) string { return s.arn("access-point/" + id) }

// idOf is the id in an ARN, or the id itself: calls take both.
func idOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// newID makes an id such as fs-0123456789abcdef0.
func newID(kind string) string {
	var b [8]byte
	// Read never fails: crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(b[:])
	return kind + "-0" + hex.EncodeToString(b[:])
}

func badRequest(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "BadRequest", format, args...)
}

func notFound(code, format string, args ...any) error {
	return wire.Errorf(http.StatusNotFound, code, format, args...)
}

func conflict(code, format string, args ...any) error {
	return wire.Errorf(http.StatusConflict, code, format, args...)
}

// Limits, from the API reference.
const (
	maxPage = 100
	maxTags = 50
)

// page is the page of a sorted list that a request asks for, and where the next begins, nil if nowhere. The names of the parameters
// differ between calls.
func page[T any](r *http.Request, all []T, key func(T) string, size, marker string) ([]T, *string, error) {
	query := r.URL.Query()
	asked := 0
	if text := query.Get(size); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, nil, badRequest("%s must be a number from 1", size)
		}
		asked = n
	}
	start, err := wire.PageStart(query.Get(marker), "BadRequest")
	if err != nil {
		return nil, nil, err
	}
	from, _ := slices.BinarySearchFunc(all, start, func(v T, start string) int { return strings.Compare(key(v), start) })
	out := append([]T{}, all[from:]...)
	if limit := wire.PageSize(r.Context(), asked, maxPage); len(out) > limit {
		next := wire.PageToken(key(out[limit]))
		return out[:limit], &next, nil
	}
	return out, nil, nil
}

type tag struct{ Key, Value string }

type tagsBody struct{ Tags []tag }

func tagMap(tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, badRequest("Invalid tag '%s': keys have 1 to 128 characters, values up to 256", t.Key)
		}
		out[t.Key] = t.Value
	}
	if len(out) > maxTags {
		return nil, badRequest("A resource has %d tags at most", maxTags)
	}
	return out, nil
}

func tagList(tags map[string]string) []tag {
	out := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{key, tags[key]})
	}
	return out
}

// changeTags changes the tags of the file system or access point that a path names.
func (s *Service) changeTags(r *http.Request, change func(map[string]string) error) error {
	id := idOf(r.PathValue("id"))
	apply := func(tags *map[string]string) error {
		if *tags == nil {
			*tags = map[string]string{}
		}
		if err := change(*tags); err != nil {
			return err
		}
		_, err := tagMap(tagList(*tags))
		return err
	}
	if strings.HasPrefix(id, "fsap-") {
		return s.points.Update(id, func(p *accessPoint, found bool) error {
			if !found {
				return noSuchPoint(id)
			}
			return apply(&p.Tags)
		})
	}
	return s.systems.Update(id, func(f *fileSystem, found bool) error {
		if !found {
			return noSuchSystem(id)
		}
		return apply(&f.Tags)
	})
}

func (s *Service) listTags(r *http.Request, _ wire.Empty) (out tagsBody, err error) {
	err = s.changeTags(r, func(tags map[string]string) error {
		out.Tags = tagList(tags)
		return nil
	})
	return out, err
}

func (s *Service) tagResource(r *http.Request, in tagsBody) (wire.Empty, error) {
	added, err := tagMap(in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.changeTags(r, func(tags map[string]string) error {
		maps.Copy(tags, added)
		return nil
	})
}

func (s *Service) untagResource(r *http.Request, _ wire.Empty) (wire.Empty, error) {
	return wire.Empty{}, s.changeTags(r, func(tags map[string]string) error {
		for _, key := range r.URL.Query()["tagKeys"] {
			delete(tags, key)
		}
		return nil
	})
}

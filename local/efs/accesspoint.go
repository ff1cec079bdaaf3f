package efs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/scar-go/scar/local/wire"
)

// accessPoint is an access point, as it is stored.
type accessPoint struct {
	ID, FileSystem string
	Token          string // client token
	User           *posixUser
	Root           rootDirectory
	Tags           map[string]string
}

type posixUser struct {
	GID           int64   `json:"Gid"`
	SecondaryGIDs []int64 `json:"SecondaryGids,omitempty"`
	UID           int64   `json:"Uid"`
}

type rootDirectory struct {
	CreationInfo *creationInfo `json:",omitempty"`
	Path         string
}

type creationInfo struct {
	OwnerGID    int64  `json:"OwnerGid"`
	OwnerUID    int64  `json:"OwnerUid"`
	Permissions string // octal
}

// From "CreateAccessPoint" and "RootDirectory" in the API reference; the pattern there keeps parts from beginning with a dot.
const (
	maxPath   = 100
	pathParts = 4
)

var (
	pathPattern        = wire.Pattern(`^(/|(/[^.$#<>;` + "`" + `|&?{}^*/\n][^$#<>;` + "`" + `|&?{}^*/\n]*){1,4})$`)
	permissionsPattern = wire.Pattern(`^[0-7]{3,4}$`)
)

func noSuchPoint(id string) error {
	return notFound("AccessPointNotFound", "Access point %s does not exist.", id)
}

type createAccessPointInput struct {
	ClientToken   string
	FileSystemID  string `json:"FileSystemId"`
	PosixUser     *posixUser
	RootDirectory rootDirectory
	Tags          []tag
}

type accessPointOutput struct {
	AccessPointARN string `json:"AccessPointArn"`
	AccessPointID  string `json:"AccessPointId"`
	ClientToken    string
	FileSystemID   string `json:"FileSystemId"`
	LifeCycleState string
	Name           string     `json:",omitempty"`
	OwnerID        string     `json:"OwnerId"`
	PosixUser      *posixUser `json:",omitempty"`
	RootDirectory  rootDirectory
	Tags           []tag
}

func (s *Service) pointOutput(p accessPoint) accessPointOutput {
	return accessPointOutput{s.pointARN(p.ID), p.ID, p.Token, p.FileSystem, available, p.Tags["Name"], s.cfg.Account, p.User, p.Root, tagList(p.Tags)}
}

func (s *Service) createAccessPoint(_ *http.Request, in createAccessPointInput) (out accessPointOutput, err error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return out, err
	}
	if err := in.RootDirectory.check(); err != nil {
		return out, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.system(in.FileSystemID)
	if err != nil {
		return out, err
	}
	points, err := all(s.points)
	if err != nil {
		return out, err
	}
	for _, p := range points {
		if in.ClientToken != "" && p.Token == in.ClientToken {
			return out, conflict("AccessPointAlreadyExists", "Access point %s already exists with client token '%s'", p.ID, p.Token)
		}
	}
	p := accessPoint{ID: newID("fsap"), FileSystem: f.ID, Token: in.ClientToken, User: in.PosixUser, Root: in.RootDirectory, Tags: tags}
	if _, err := s.folder(p); err != nil {
		return out, err
	}
	return s.pointOutput(p), s.points.Put(p.ID, p)
}

func (d *rootDirectory) check() error {
	d.Path = orDefault(d.Path, "/")
	if len(d.Path) > maxPath || !pathPattern().MatchString(d.Path) {
		return badRequest("Invalid path '%s' of the root directory: it has %d characters and %d parts at most", d.Path, maxPath, pathParts)
	}
	if c := d.CreationInfo; c != nil && !permissionsPattern().MatchString(c.Permissions) {
		return badRequest("Invalid permissions '%s': three or four octal digits", c.Permissions)
	}
	return nil
}

// folder is the folder of an access point on this machine, made if absent. Its name is a hash, directly below the file system's
// folder: no path of a caller, and no link that a function makes, leads out of it.
func (s *Service) folder(p accessPoint) (string, error) {
	sum := sha256.Sum256([]byte(p.Root.Path))
	folder := filepath.Join(s.cfg.Dir, p.FileSystem, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of access point %s: %w", p.ID, err)
	}
	return folder, nil
}

// point is the access point that an id or an ARN names.
func (s *Service) point(ref string) (accessPoint, error) {
	p, found, err := s.points.Get(idOf(ref))
	if err == nil && !found {
		err = noSuchPoint(idOf(ref))
	}
	return p, err
}

// AccessPoint returns the folder on this machine that an access point stands for. The error is EFS's where there is none of that ARN.
func (s *Service) AccessPoint(_ context.Context, arn string) (folder string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.point(arn)
	if err != nil {
		return "", err
	}
	if s.pointARN(p.ID) != arn {
		return "", noSuchPoint(arn)
	}
	return s.folder(p)
}

type describeAccessPointsOutput struct {
	AccessPoints []accessPointOutput
	NextToken    *string `json:",omitempty"`
}

func (s *Service) describeAccessPoints(r *http.Request, _ wire.Empty) (out describeAccessPointsOutput, err error) {
	query := r.URL.Query()
	id, system := query.Get("AccessPointId"), query.Get("FileSystemId")
	if id != "" {
		if _, err := s.point(id); err != nil {
			return out, err
		}
	}
	if system != "" {
		if _, err := s.system(system); err != nil {
			return out, err
		}
	}
	points, err := all(s.points)
	if err != nil {
		return out, err
	}
	var found []accessPointOutput
	for _, p := range points {
		if (id == "" || p.ID == idOf(id)) && (system == "" || p.FileSystem == idOf(system)) {
			found = append(found, s.pointOutput(p))
		}
	}
	out.AccessPoints, out.NextToken, err = page(r, found, func(p accessPointOutput) string { return p.AccessPointID }, "MaxResults", "NextToken")
	return out, err
}

// deleteAccessPoint leaves the files: they are the file system's.
func (s *Service) deleteAccessPoint(r *http.Request, _ []byte) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := idOf(r.PathValue("id"))
	return nil, s.points.Remove(id, func(_ accessPoint, found bool) error {
		if !found {
			return noSuchPoint(id)
		}
		return nil
	})
}

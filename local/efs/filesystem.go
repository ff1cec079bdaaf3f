package efs

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// fileSystem is a file system, as it is stored.
type fileSystem struct {
	ID          string
	Token       string // creation token, unique in the account
	Created     time.Time
	Performance string
	Throughput  string
	Encrypted   bool
	Tags        map[string]string
}

const available = "available"

func noSuchSystem(id string) error {
	return notFound("FileSystemNotFound", "File system '%s' does not exist.", id)
}

type createFileSystemInput struct {
	CreationToken   string
	PerformanceMode string
	ThroughputMode  string
	Encrypted       bool
	Tags            []tag
}

type fileSystemOutput struct {
	CreationTime         wire.Epoch
	CreationToken        string
	Encrypted            bool
	FileSystemARN        string `json:"FileSystemArn"`
	FileSystemID         string `json:"FileSystemId"`
	LifeCycleState       string
	Name                 string `json:",omitempty"`
	NumberOfMountTargets int
	OwnerID              string `json:"OwnerId"`
	PerformanceMode      string
	SizeInBytes          struct{ Value int64 }
	Tags                 []tag
	ThroughputMode       string
}

func (s *Service) systemOutput(f fileSystem, targets int) fileSystemOutput {
	return fileSystemOutput{
		CreationTime: wire.Epoch(f.Created), CreationToken: f.Token, Encrypted: f.Encrypted, FileSystemARN: s.systemARN(f.ID),
		FileSystemID: f.ID, LifeCycleState: available, Name: f.Tags["Name"], NumberOfMountTargets: targets, OwnerID: s.cfg.Account,
		PerformanceMode: f.Performance, Tags: tagList(f.Tags), ThroughputMode: f.Throughput,
	}
}

func (s *Service) createFileSystem(_ *http.Request, in createFileSystemInput) (out fileSystemOutput, err error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return out, err
	}
	if in.CreationToken == "" || len(in.CreationToken) > 64 {
		return out, badRequest("CreationToken has 1 to 64 characters")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	systems, err := all(s.systems)
	if err != nil {
		return out, err
	}
	for _, f := range systems {
		if f.Token == in.CreationToken {
			return out, conflict("FileSystemAlreadyExists", "File system '%s' already exists with creation token '%s'", f.ID, f.Token)
		}
	}
	f := fileSystem{ID: newID("fs"), Token: in.CreationToken, Created: s.cfg.Clock.Now(), Encrypted: in.Encrypted, Tags: tags,
		Performance: orDefault(in.PerformanceMode, "generalPurpose"), Throughput: orDefault(in.ThroughputMode, "bursting")}
	return s.systemOutput(f, 0), s.systems.Put(f.ID, f)
}

func orDefault(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

// all are the values of a table, in the order of their ids.
func all[T any](table *store.Table[T]) ([]T, error) {
	var out []T
	err := table.Each("", func(_ string, value T) bool {
		out = append(out, value)
		return true
	})
	return out, err
}

// system is the file system that an id or an ARN names.
func (s *Service) system(ref string) (fileSystem, error) {
	f, found, err := s.systems.Get(idOf(ref))
	if err == nil && !found {
		err = noSuchSystem(idOf(ref))
	}
	return f, err
}

type describeFileSystemsOutput struct {
	FileSystems []fileSystemOutput
	NextMarker  *string `json:",omitempty"`
}

func (s *Service) describeFileSystems(r *http.Request, _ wire.Empty) (out describeFileSystemsOutput, err error) {
	query := r.URL.Query()
	id, token := query.Get("FileSystemId"), query.Get("CreationToken")
	if id != "" {
		if _, err := s.system(id); err != nil {
			return out, err
		}
	}
	targets, err := all(s.targets)
	if err != nil {
		return out, err
	}
	mounted := map[string]int{}
	for _, t := range targets {
		mounted[t.FileSystem]++
	}
	systems, err := all(s.systems)
	if err != nil {
		return out, err
	}
	var found []fileSystemOutput
	for _, f := range systems {
		if (id == "" || f.ID == idOf(id)) && (token == "" || f.Token == token) {
			found = append(found, s.systemOutput(f, mounted[f.ID]))
		}
	}
	out.FileSystems, out.NextMarker, err = page(r, found, func(f fileSystemOutput) string { return f.FileSystemID }, "MaxItems", "Marker")
	return out, err
}

// deleteFileSystem deletes a file system with its files and, as AWS does, its access points.
func (s *Service) deleteFileSystem(r *http.Request, _ []byte) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.system(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	targets, err := all(s.targets)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if t.FileSystem == f.ID {
			return nil, conflict("FileSystemInUse", "The file system '%s' has mount targets: delete them first", f.ID)
		}
	}
	points, err := all(s.points)
	if err != nil {
		return nil, err
	}
	for _, p := range points {
		if p.FileSystem == f.ID {
			if err := s.points.Delete(p.ID); err != nil {
				return nil, err
			}
		}
	}
	if err := s.systems.Delete(f.ID); err != nil {
		return nil, err
	}
	return nil, removeFiles(filepath.Join(s.cfg.Dir, f.ID))
}

// removeFiles removes a folder whose folders a function may have made unreadable. A function that still runs may put links in their
// place meanwhile: nothing outside of the folder is touched.
func removeFiles(dir string) error {
	err := makeReadable(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("remove the files of a file system: %w", err)
	}
	return nil
}

func makeReadable(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, _ error) error {
		if d == nil || !d.IsDir() {
			return nil // what is not there needs nothing; what cannot be read fails later
		}
		// The walk reads a folder after this call.
		return root.Chmod(path, 0o700)
	})
}

package planner

import "github.com/scar-go/scar/spec"

// Image is the image of one function in the project's repository, under the function's name as tag.
// Parts says what it is made of, read by position from a manifest, live or predicted.
type Image struct {
	Repository string `json:"repository" plan:"replace"`
	Tag        string `json:"tag" plan:"replace"`
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

// Kind implements Value.
func (Image) Kind() Kind { return KindImage }

func (i Image) needs(string) []Address { return []Address{{KindRepository, i.Repository}} }

func (d *desire) image(fn *spec.Function) {
	img, found := d.env.Images[fn.Name]
	if !found {
		d.problem(fn, "function %s: no image was assembled for it", fn.Name)
		return
	}
	img.Repository, img.Tag = RepositoryName(d.file.Project), fn.Name
	d.add(fn, img, fn.Name)
}

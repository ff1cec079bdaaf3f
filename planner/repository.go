package planner

// Repository is the project's ECR repository, one for the images of all its functions.
type Repository struct {
	Name string `json:"name" plan:"replace"`
	Tags Tags   `json:"tags"`
}

// Kind implements Value.
func (Repository) Kind() Kind { return KindRepository }

func (Repository) needs(string) []Address { return nil }

func (d *desire) repository() {
	name := RepositoryName(d.file.Project)
	d.addShared(Repository{Name: name, Tags: d.tags(nil)}, name)
}

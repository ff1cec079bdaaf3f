package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/scar-go/scar/runtime/job"
)

// hidden stands in messages where a credential would be.
const hidden = "(hidden)"

// credentials are those of one provider, fetched.
type credentials struct {
	accessKey, secretKey string // of s3 and minio
	user, password       string // of webdav
	token                string // of onedata
}

// opened is a provider's store, and what it was made with.
type opened struct {
	with  credentials
	store Store
}

// openProvider returns the store that was made before, unless a credential has changed since.
func (s *Stores) openProvider(ctx context.Context, name string) (Store, error) {
	provider, ok := s.options.Providers[name]
	if !ok {
		return nil, errors.New("the job describes no storage of this name")
	}
	with, err := s.fetchCredentials(ctx, &provider)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.others[name]; ok && before.with == with {
		return before.store, nil
	}
	made, err := s.make(name, &provider, with)
	if err != nil {
		return nil, err
	}
	s.others[name] = opened{with, made}
	return made, nil
}

// make makes the store of a provider. It makes no calls.
func (s *Stores) make(name string, p *job.Provider, with credentials) (Store, error) {
	switch p.Type {
	case job.S3, job.MinIO:
		return s.makeS3(name, p, with)
	case job.WebDAV:
		w, err := s.makeWeb(name, p)
		if err != nil {
			return nil, err
		}
		if with.user != "" {
			w.login = newPassword(with.user, with.password, w.root.Scheme == "https")
		}
		return &webDAV{w}, nil
	case job.Onedata:
		w, err := s.makeWeb(name, p)
		if err != nil {
			return nil, err
		}
		return newOnedata(w, token(with.token), p.Space)
	}
	return nil, fmt.Errorf("type %q: not supported by this version of the runtime", p.Type)
}

func (s *Stores) makeWeb(name string, p *job.Provider) (*web, error) {
	root, err := parseEndpoint(p.Endpoint)
	if err != nil {
		return nil, err
	}
	return &web{
		name: name, root: root, login: nobody{}, retries: s.retries,
		client: &http.Client{Transport: s.front, CheckRedirect: safeRedirect},
	}, nil
}

// fetchCredentials gets the values of a provider's credentials. Those that a provider cannot do without are errors where
// they are empty.
func (s *Stores) fetchCredentials(ctx context.Context, p *job.Provider) (credentials, error) {
	var c credentials
	for _, one := range []struct {
		what string
		from *job.Credential
		to   *string
	}{
		{"access_key", p.AccessKey, &c.accessKey},
		{"secret_key", p.SecretKey, &c.secretKey},
		{"user", p.User, &c.user},
		{"password", p.Password, &c.password},
		{"token", p.Token, &c.token},
	} {
		if one.from == nil {
			continue
		}
		value, err := s.fetch(ctx, one.from)
		if err != nil {
			return credentials{}, fmt.Errorf("%s: %w", one.what, err)
		}
		if value == "" {
			return credentials{}, fmt.Errorf("%s is empty", one.what)
		}
		*one.to = value
	}
	switch {
	case (c.accessKey == "") != (c.secretKey == ""):
		return credentials{}, errors.New("access_key and secret_key are needed both, or neither")
	case p.Type == job.MinIO && c.accessKey == "":
		return credentials{}, errors.New("access_key and secret_key are missing")
	case p.Type == job.Onedata && c.token == "":
		return credentials{}, errors.New("token is missing")
	case c.password != "" && c.user == "":
		return credentials{}, errors.New("password is there, user is missing")
	}
	return c, nil
}

func (s *Stores) fetch(ctx context.Context, from *job.Credential) (string, error) {
	if from.Secret == nil {
		return from.Text, nil
	}
	if s.options.Secrets == nil {
		return "", fmt.Errorf("secret %s: nothing is there to fetch it", from.Secret)
	}
	return s.options.Secrets.Get(ctx, *from.Secret)
}

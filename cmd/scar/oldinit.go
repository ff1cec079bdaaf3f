package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// oldInit makes an apply of scar init. What the flags say becomes a file in the original's format, which is read as any
// other, so that it means the same.
func oldInit(a *oldArgs) (translation, error) {
	if err := a.noRest(); err != nil {
		return translation{}, err
	}
	defined := slices.DeleteFunc(slices.Clone(a.order), func(long string) bool {
		return !slices.ContainsFunc(oldDefinition, func(f oldFlag) bool { return f.long == long })
	})
	if a.has("conf-file") {
		if len(defined) > 0 {
			return translation{}, fmt.Errorf("--%s is given beside -f: write it into the file", defined[0])
		}
		return translation{args: a.today("apply"), note: isNow("init", "apply")}, nil
	}
	document, err := a.document()
	if err != nil {
		return translation{}, err
	}
	return translation{
		args: append(a.today("apply"), "-f", "-"), document: document,
		note: isNow("init", "apply, which reads a file: scar new writes one"),
	}, nil
}

func oldUpdate(a *oldArgs) (translation, error) {
	if err := a.noRest(); err != nil {
		return translation{}, err
	}
	if !a.has("conf-file") || len(a.order) > 1 && slices.ContainsFunc(a.order, func(long string) bool {
		return !slices.Contains([]string{"conf-file", "profile", "json", "verbose"}, long)
	}) {
		return translation{}, errors.New("change the file of the function, and then: scar apply -f FILE")
	}
	return translation{args: a.today("apply"), note: isNow("update", "apply")}, nil
}

// classicFile is a file in the original's format, as far as flags can fill it.
type classicFile struct {
	Functions struct {
		AWS []classicEntry `yaml:"aws"`
	} `yaml:"functions"`
}

type classicEntry struct {
	Lambda     map[string]any `yaml:"lambda"`
	IAM        map[string]any `yaml:"iam,omitempty"`
	APIGateway map[string]any `yaml:"api_gateway,omitempty"`
	Batch      map[string]any `yaml:"batch,omitempty"`
}

// document is the file that the flags stand for.
func (a *oldArgs) document() ([]byte, error) {
	switch {
	case !a.has("name"):
		return nil, errors.New("-n NAME is needed, or -f FILE")
	case a.has("image") == a.has("image-file"):
		return nil, errors.New("one of -i IMAGE and -if FILE is needed, or -f FILE")
	}
	entry := classicEntry{Lambda: map[string]any{}, IAM: map[string]any{}, APIGateway: map[string]any{}, Batch: map[string]any{}}
	container := map[string]any{}
	for _, s := range []struct {
		flag string
		into map[string]any
		key  string
	}{
		{"name", entry.Lambda, "name"}, {"description", entry.Lambda, "description"}, {"init-script", entry.Lambda, "init_script"},
		{"extra-payload", entry.Lambda, "extra_payload"},
		{"execution-mode", entry.Lambda, "execution_mode"}, {"runtime", entry.Lambda, "runtime"},
		{"image", container, "image"}, {"image-file", container, "image_file"},
		{"iam-role", entry.IAM, "role"}, {"api-gateway-name", entry.APIGateway, "name"},
	} {
		if value := a.get(s.flag); value != "" {
			s.into[s.key] = value
		}
	}
	for _, s := range []struct {
		flag string
		into map[string]any
		key  string
	}{
		{"memory", entry.Lambda, "memory"}, {"timeout", entry.Lambda, "timeout"}, {"timeout-threshold", container, "timeout_threshold"},
		{"batch-memory", entry.Batch, "memory"}, {"batch-vcpus", entry.Batch, "vcpus"},
	} {
		if err := a.number(s.flag, s.into, s.key); err != nil {
			return nil, err
		}
	}
	if err := a.lists(entry, container); err != nil {
		return nil, err
	}
	entry.Lambda["container"] = container
	var file classicFile
	file.Functions.AWS = []classicEntry{entry}
	return yaml.Marshal(file)
}

func (a *oldArgs) number(flag string, into map[string]any, key string) error {
	if !a.has(flag) {
		return nil
	}
	n, err := strconv.Atoi(a.get(flag))
	if err != nil {
		return fmt.Errorf("--%s %q is not a number", flag, a.get(flag))
	}
	into[key] = n
	return nil
}

// lists fills in what is more than one value.
func (a *oldArgs) lists(entry classicEntry, container map[string]any) error {
	for flag, into := range map[string]map[string]any{"environment": container, "lambda-environment": entry.Lambda} {
		variables := map[string]string{}
		for _, pair := range a.values[flag] {
			name, value, found := strings.Cut(pair, "=")
			if !found || name == "" {
				return fmt.Errorf("--%s %s: write it as NAME=VALUE", flag, name)
			}
			variables[name] = value
		}
		if len(variables) > 0 {
			into["environment"] = map[string]any{"Variables": variables}
		}
	}
	for flag, key := range map[string]string{"input-bucket": "input", "output-bucket": "output"} {
		if path := a.get(flag); path != "" {
			entry.Lambda[key] = []map[string]string{{"storage_provider": "s3", "path": filepath.ToSlash(path)}}
		}
	}
	if level := strings.ToUpper(a.get("log-level")); level == "CRITICAL" { // there is no level above ERROR
		entry.Lambda["log_level"] = "ERROR"
	} else if level != "" {
		entry.Lambda["log_level"] = level
	}
	if a.has("preheat") {
		entry.Lambda["preheat"] = true
	}
	if a.has("layers") {
		entry.Lambda["layers"] = a.values["layers"]
	}
	if bucket := a.get("deployment-bucket"); bucket != "" {
		entry.Lambda["deployment"] = map[string]string{"bucket": bucket}
	}
	if version := a.get("supervisor-version"); version != "" {
		entry.Lambda["supervisor"] = map[string]string{"version": version}
	}
	if a.has("enable-gpu") {
		entry.Batch["enable_gpu"] = true
	}
	return nil
}

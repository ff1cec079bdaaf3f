# make          builds bin/scar with the runtime in it
# make demo     runs the example on this machine, with no account and no Docker
# make test     everything that a change has to pass
# make examples runs what the examples' READMEs say; make test does so too
# make bench    speeds and sizes

GO      ?= go
BIN     := bin/scar
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

RUNTIME := runtime/embedded/linux_amd64.tar.gz # the other architecture is made with it
SOURCES := $(shell find . -name '*.go')

# Tests that compare the figures of all others, and so come after them.
COMPARISONS := ^Test(Proofs|Speeds)ReachTheirFigures$$

.PHONY: all generate demo examples test lint cross bench packages clean

all: $(BIN)

$(BIN): $(RUNTIME) $(SOURCES) go.mod
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/scar

generate:
	$(GO) generate ./runtime
	$(GO) test ./cmd/scar -run '^TestReference' -update # docs/reference

# The runtime goes into scar as bytes, so it is built before scar is.
$(RUNTIME): $(shell find runtime cmd/scar-runtime image -name '*.go') go.mod
	$(GO) generate ./runtime
	@touch $@

# Debian packages that the demo and the tests run: what makes images, and programs to check with.
packages:
	@.ci/packages

demo: packages $(BIN)
	examples/imagemagick/demo $(BIN)

# EXAMPLE=numpy runs one of them.
examples: packages $(BIN)
	$(GO) test ./cmd/internal/examples -count=1 -v -timeout 60m -run '/^$(EXAMPLE)'

lint:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# scar itself runs on these too; functions and the sandbox are Linux's.
cross: $(RUNTIME)
	GOOS=darwin GOARCH=arm64 $(GO) vet ./cmd/scar
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/scar
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/scar
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/scar ./cmd/scar-runtime

# The tests run containers, servers and other programs, which share the cores with them. What they count goes to a
# folder that is new each time, so that no result of an earlier run stands for a figure, and at the end it is compared
# with what docs/reliability.md promises.
test: packages $(BIN) lint cross
	@set -e; SCAR_PROOF=$$(mktemp -d); export SCAR_PROOF; trap 'rm -rf "$$SCAR_PROOF"' EXIT; trap 'exit 1' INT TERM; set -x; \
	$(GO) test -race -p 2 -timeout 60m -skip '$(COMPARISONS)' ./...; \
	$(GO) test -count=1 -v -run '^TestProofsReachTheirFigures$$' .

# Everything is built before, so that nothing is built beside a benchmark. What benchmarks report of it is compared with
# docs/performance.md at the end.
bench: packages $(RUNTIME)
	@echo "$$(nproc) cores, $$(uname -sr)"
	@set -e; SCAR_PROOF=$$(mktemp -d); export SCAR_PROOF; trap 'rm -rf "$$SCAR_PROOF"' EXIT; trap 'exit 1' INT TERM; set -x; \
	$(GO) test -run '^$$' ./... > /dev/null; \
	$(GO) test -p 1 -run '^$$' -bench . -benchmem -timeout 60m ./...; \
	$(GO) test -count=1 -v -run '^TestSpeedsReachTheirFigures$$' .

clean:
	rm -rf bin runtime/embedded/*.tar.gz runtime/embedded/*.json

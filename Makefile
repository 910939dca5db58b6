# slabrcu: `make help` lists the targets.

GO        ?= go
# How long things take: `make fuzz FUZZTIME=5m`.
VERIFY    ?= 2s
TORTURE   ?= 60s
FUZZTIME  ?= 20s
TIMEOUT   ?= 15m
COUNT     ?= 10
# Which packages: `make race PKG=./kmem`.
PKG       ?= ./...
# Where raw results go: one file per host and commit.
HOST      ?= $(shell hostname -s 2>/dev/null || uname -n)
COMMIT    ?= $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
RESULT    ?= results/$(HOST)-$(COMMIT)
# How much `make results` measures, and what it runs under: UNDER='chrt -r 1'.
BENCHTIME ?= 100ms
ROUNDS    ?= $(COUNT)
LARGE     ?= 6
UNDER     ?=

SLABBENCH := bin/slabbench
LDFLAGS   := -X $(shell awk '$$1 == "module" { print $$2 }' go.mod)/bench.commit=$(COMMIT)
CROSS     := linux/arm64 darwin/arm64

.DEFAULT_GOAL := help
.NOTPARALLEL: # lanes share the cores that they test

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: command ## every package, and the command at bin/slabbench
	$(GO) build ./...

.PHONY: command
command:
	@CGO_ENABLED=0 $(GO) build -pgo=auto -ldflags '$(LDFLAGS)' -o $(SLABBENCH) ./cmd/slabbench

# Tests want no profile: each package, and the library, would be built twice.
lint cross unit invariants race fuzz torture mutants: export GOFLAGS := $(shell $(GO) env GOFLAGS) -pgo=off

.PHONY: test
test: lint cross unit invariants race verify ## everything that must hold before a commit is shared

.PHONY: lint
lint: ## gofmt, go vet, staticcheck; both also with the invariants tag
	@echo '== lint'
	@bad=$$(gofmt -l .); test -z "$$bad" || { echo "not gofmt'ed: $$bad"; exit 1; }
	$(GO) vet $(PKG)
	$(GO) vet -tags=invariants $(PKG)
	$(GO) tool staticcheck $(PKG)
	$(GO) tool staticcheck -tags=invariants $(PKG)
	cd bench/peers && $(GO) vet ./...
	cd internal/compat && $(GO) vet ./...

.PHONY: cross
cross: ## compile all, tests too, for the systems that are not this one
	@echo '== cross'
	@set -e; for at in $(CROSS); do \
		export CGO_ENABLED=0 GOOS=$${at%/*} GOARCH=$${at#*/}; \
		echo "$(GO) vet and build for $$at"; \
		$(GO) vet $(PKG); $(GO) build ./...; \
	done

# One package after another (-p 1): torture and mutants want the cores alone.
.PHONY: unit
unit: ## unit tests, examples, import table, short torture, mutants
	@echo '== unit'
	$(GO) test -p 1 -timeout $(TIMEOUT) $(PKG)
	cd internal/compat && $(GO) test -timeout $(TIMEOUT) ./...

.PHONY: invariants
invariants: ## short tests with assertions on and counters next to wrap
	@echo '== invariants'
	$(GO) test -short -timeout $(TIMEOUT) -tags=invariants $(PKG)

.PHONY: race
race: ## short tests under the race detector (needs cgo and gcc)
	@echo '== race'
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 $(GO) test -short -timeout $(TIMEOUT) -race $(PKG)

# The negative control must find something and say so with exit status 1.
.PHONY: verify
verify: command ## torture by the command, and its negative control, for VERIFY each
	@echo '== verify'
	$(SLABBENCH) -verify -flags=destroy_by_rcu -benchtime $(VERIFY)
	@echo '$(SLABBENCH) -verify -flags=none -benchtime $(VERIFY)  # must exit with status 1'
	@$(SLABBENCH) -verify -flags=none -benchtime $(VERIFY); status=$$?; \
		test $$status = 1 || { echo "the negative control ended with status $$status, want 1"; exit 1; }

.PHONY: torture
torture: ## the same tests and the command for TORTURE each, with their evidence
	$(GO) test -count=1 -p 1 -timeout 30m -v -run='Torture|Mutants' $(PKG)
	$(MAKE) verify VERIFY=$(TORTURE)

.PHONY: mutants
mutants: ## every mutant, with the line that gives it away
	@mkdir -p bin
	@$(GO) test -count=1 -p 1 -timeout 30m -v -run='^TestMutants' $(PKG) >bin/mutants.txt 2>&1; status=$$?; \
		grep -Ev '^=== |no test files|no tests to run|^PASS|^testing: warning' bin/mutants.txt; exit $$status

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	@set -e; for pkg in $$($(GO) list $(PKG)); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; \
			$(GO) test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZTIME) $$pkg; \
		done; \
	done

.PHONY: bench
bench: command ## a sensible selection in under a minute
	$(SLABBENCH) -flags=destroy_by_rcu

.PHONY: compare
compare: command ## with the flag against without, interleaved, COUNT samples
	$(SLABBENCH) -compare none,destroy_by_rcu -count $(COUNT) -o bin/compare.txt >/dev/null
	$(GO) tool benchstat -col /flags bin/compare.txt

# Everything with the flag against without, ten million objects, the life of slabs
# and limbo over time, and ours in turns with the peers that are installed. The
# table of the README comes from the last. To see it work in two minutes:
# make results COUNT=1 ROUNDS=1 LARGE=1 BENCHTIME=1ms RESULT=bin/try
.PHONY: results
results: command ## measure everything into results/, draw it, and fill in README's table
	@SLABBENCH='$(SLABBENCH)' RESULT='$(RESULT)' COUNT='$(COUNT)' ROUNDS='$(ROUNDS)' LARGE='$(LARGE)' \
		BENCHTIME='$(BENCHTIME)' UNDER='$(UNDER)' results/measure.sh

.PHONY: peers-deps
peers-deps: ## install what we measure against (Debian, as root)
	$(MAKE) -C bench/peers peers-deps

.PHONY: peers
peers: ## our workloads and other people's in turns: make peers ARGS='-rounds 3'
	$(MAKE) -C bench/peers peers

# The go command uses the profile because of its name. It comes from a build
# without one, so that it says the same when it is made again, and keeps nothing
# of the machine: no paths, labels or samples of anything but kmem and urcu, and the
# loops of read sections, which the compiler aligns for it.
PGO   := cmd/slabbench/default.pgo
PPROF := $(GO) tool pprof -proto -symbolize=none

.PHONY: pgo
pgo: ## profile allocator and sections for the next build of the command
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -pgo=off -trimpath -o bin/profiled ./cmd/slabbench
	bin/profiled -bench '^(Pair|Batch10k|RandomLive100k|Larson|MStress|Sh6)$$' \
		-flags none -size 64 -cpu 1 -benchtime 400ms -cpuprofile bin/pgo1.prof >/dev/null
	bin/profiled -bench '^(Pair|Batch10k|RandomLive100k|ProdCons|Larson|Xmalloc|MStress|Sh6)$$' \
		-flags none -size 64 -cpu 2 -benchtime 400ms -cpuprofile bin/pgo2.prof >/dev/null
	bin/profiled -bench '^Bulk$$/./././^n=(8|16|32|64|128)$$' \
		-flags none -size 64 -cpu 1 -benchtime 200ms -cpuprofile bin/pgo3.prof >/dev/null
	bin/profiled -bench '^ReadSection$$/^api=(registered|any)$$/^flavor=' \
		-cpu 1 -benchtime 500ms -cpuprofile bin/pgo4.prof >/dev/null
	@set -e; for n in 1 2 3 4; do \
		$(PPROF) -focus='slabrcu/(kmem|urcu|bench\.section)' -tagignore='^(syncpool|new|ring)$$' -taghide=. \
			-output bin/pgo$$n.pgo bin/profiled bin/pgo$$n.prof; \
	done
	$(PPROF) -output $(PGO) bin/pgo1.pgo bin/pgo2.pgo bin/pgo3.pgo bin/pgo4.pgo

# The path is replaced wherever it stands: go.mod, imports, documents.
.PHONY: rename
rename: ## give the module your own path: make rename MODULE=example.com/me/x
	@echo '$(MODULE)' | grep -Eq '^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$$' || { \
		echo 'usage: make rename MODULE=example.com/me/x'; exit 2; }
	@set -e; old=$$($(GO) list -m | sed 's/\./\\./g'); \
	find . \( -name .git -o -name bin \) -prune -o -type f \
		\( -name '*.go' -o -name go.mod -o -name '*.md' -o -name Makefile -o -name '*.txt' \) -print | \
	while IFS= read -r file; do \
		grep -q "$$old" "$$file" || continue; \
		sed -E -i.renamed "s#$$old([^A-Za-z0-9._~-]|\$$)#$(MODULE)\1#g" "$$file"; \
		rm -f "$$file.renamed"; \
	done
	@gofmt -w . # imports are sorted by path
	$(GO) build ./...
	@echo 'the module is now $(MODULE)'

.PHONY: clean
clean: ## built commands and profiles
	rm -rf bin

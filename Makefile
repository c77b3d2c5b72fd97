# Thin over CMake and scripts: `make help` says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := /usr/bin/python3
JOBS ?= 2
DURATION ?= 20m
SEED ?= 1
# Not what a shell counts under this name, and no start for what it counts in scripts.
SECONDS = 10
unexport SECONDS
OBJECTS ?= 100000
GO_PROGRAMS := $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod tests/support/*/go.mod))
# That one has no tests, and takes minutes to build.
GO_TESTED := $(filter-out tests/support/sample-apiserver,$(GO_PROGRAMS))

.PHONY: help
help: ## Show this help
	@printf 'Ringside: shards Kubernetes controllers that were never written for it.\n\n'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 28
	@printf '\nVariables: KUBECONFIG=file (demo on a cluster of yours), KEEP=1 (demo leaves its cluster up),\n'
	@printf '           KUBERNETES_VERSION=1.36.3 (of the local cluster), JOBS=2 (of builds and tests),\n'
	@printf '           DURATION=20m (of test-long), SECONDS=10 (of fuzz), SEED=1 (of both), OBJECTS=100000 (of bench).\n'

.PHONY: setup
setup: ## Install what is missing: Debian packages, Kubernetes built from its Go modules
	@scripts/setup

.PHONY: setup-tests
setup-tests:
	@scripts/setup --tests

.PHONY: packages packages-tests
packages:
	@scripts/setup --packages-only
packages-tests:
	@scripts/setup --tests --packages-only

.PHONY: build
build: packages ## Build the programs (release) and their images
	@cmake --preset release >build/release-configure.log 2>&1 || { cat build/release-configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS)
	@scripts/build-images

.PHONY: demo
demo: setup build ## The sharded example on a real local cluster, step by step
	@scripts/demo

.PHONY: test
test: setup-tests build test-unit test-threads fuzz test-integration test-e2e ## All tests

.PHONY: test-unit
test-unit: packages ## Unit tests, under ASan and UBSan
	@cmake --preset asan >build/asan-configure.log 2>&1 || { cat build/asan-configure.log; exit 1; }
	@cmake --build --preset asan -j $(JOBS)
	@ctest --test-dir build/asan --output-on-failure -j $(JOBS)
	@$(PYTHON) -m pytest -q tests/unit
	@$(PYTHON) -m pytest -q tests/checker
	@$(PYTHON) -m pytest -q tests/chaos/schedule_test.py
	@for directory in $(GO_TESTED); do (cd $$directory && go test -p $(JOBS) ./...) || exit 1; done

.PHONY: test-threads
test-threads: packages ## The tests of what has threads (look-ups of names), under ThreadSanitizer
	@cmake --preset tsan >build/tsan-configure.log 2>&1 || { cat build/tsan-configure.log; exit 1; }
	@cmake --build --preset tsan -j $(JOBS)
	@build/tsan/tests/unit/unit_net --gtest_brief=1 --gtest_filter='ResolverTest.*:TcpTest.*'

.PHONY: test-integration
test-integration: packages-tests ## The programs against a real API server; needs `make setup build`
	@scripts/build-images --all
	@$(PYTHON) -m pytest -q -n $(JOBS) --dist loadfile tests/cluster tests/integration

.PHONY: test-e2e
test-e2e: packages-tests ## Unmodified controllers on a real cluster, then 3 minutes of chaos; needs `make setup build`
	@scripts/build-images --all
	@$(PYTHON) -m pytest -q tests/e2e
	@$(PYTHON) -m pytest -q tests/chaos/chaos_test.py

.PHONY: test-long
test-long: setup-tests build ## Chaos on a real cluster for DURATION=20m with SEED=1, and the checker's verdict
	@scripts/build-images --all
	@tests/chaos/chaos --duration $(DURATION) --seed $(SEED)

.PHONY: test-slow
test-slow: build ## The slow tests: tokens that expire, aggregation, Rust, roll-outs in each language; 2,000 and 10,000 objects
	@scripts/setup --slow-tests
	@scripts/build-images --slow
	@$(PYTHON) -m pytest -q tests/integration -m long
	@$(PYTHON) -m pytest -q tests/e2e -m long

.PHONY: fuzz
fuzz: packages ## Every fuzz target for SECONDS=10 each, JOBS=2 at a time
	@cmake --preset fuzz >build/fuzz-configure.log 2>&1 || { cat build/fuzz-configure.log; exit 1; }
	@cmake --build --preset fuzz -j $(JOBS)
	@scripts/fuzz --jobs $(JOBS) --seed $(SEED) $(SECONDS)

.PHONY: bench
bench: setup ## What things cost: hashing, reviews, the fence, the proxy, a ring of OBJECTS=100000 (half an hour)
	@cmake --preset release -B build/bench -DRINGSIDE_BENCH=ON >build/bench-configure.log 2>&1 || { cat build/bench-configure.log; exit 1; }
	@cmake --build build/bench -j $(JOBS) --target benchmarks ringside-central ringside-sidecar
	@for bench in build/bench/bin/*_bench; do printf '\n== %s\n' $$(basename $$bench); $$bench || exit 1; done
	@printf '\n== What an admission review costs central\n'
	@RINGSIDE_BIN=$(CURDIR)/build/bench/bin $(PYTHON) tests/bench/webhook_cost.py
	@printf '\n== What the fence and the protection of labels cost a write\n'
	@RINGSIDE_BIN=$(CURDIR)/build/bench/bin $(PYTHON) tests/bench/fence_cost.py
	@printf '\n== What the sidecar costs as a proxy\n'
	@RINGSIDE_BIN=$(CURDIR)/build/bench/bin $(PYTHON) tests/bench/proxy/proxy_cost.py
	@printf '\n== A ring of $(OBJECTS) objects\n'
	@RINGSIDE_BIN=$(CURDIR)/build/bench/bin $(PYTHON) tests/bench/large_ring.py $(OBJECTS)

.PHONY: bench-proxy
bench-proxy: setup build ## The sidecar as a proxy beside haproxy, nghttpx, Envoy and Go's: CPU time, memory (3 minutes)
	@$(PYTHON) tests/bench/proxy/proxy_cost.py

.PHONY: format
format: ## Format the C++ code
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

.PHONY: clean
clean: ## Remove what was built (not the cache of Kubernetes)
	rm -rf build $(addsuffix /bin,$(GO_PROGRAMS)) examples/*/target

# Every target writes its logs there.
$(shell mkdir -p build)

# The front door. `make help` lists the targets; the work is in CMakeLists.txt and tools/.
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
FUZZ_SECONDS ?= 20
CTEST_FLAGS ?=
# Sanitizer builds keep their own folder, so that they never mix with the plain one.
NINJA = cmake --build $(1) -j $(JOBS)
CONFIGURE = @test -f $(1)/build.ninja || { mkdir -p $(1) && cmake -S . -B $(1) -G Ninja $(2) $(CMAKE_FLAGS) >$(1)/configure.log 2>&1; } || { cat $(1)/configure.log; exit 1; }

.DEFAULT_GOAL := all
.PHONY: all help demo test docs bench lint fuzz tsan asan torture mutate install clean deps

all: deps ## the libraries, the program and the tests
	$(call CONFIGURE,$(BUILD),)
	@$(call NINJA,$(BUILD))

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r t d; do printf '  make %-9s %s\n' "$$t" "$$d"; done

deps: ## install the Debian packages that are missing, or name them
	@tools/deps.sh

demo: all ## from a clone to a report
	@tools/demo.sh

test: all ## every test, ending in one line of counts
	@tools/run_tests.sh $(BUILD) $(CTEST_FLAGS)

bench: all ## build and run the benchmarks, the peers' too where PyPI answers
	@$(call NINJA,$(BUILD)) --target benches
	@for b in $(BUILD)/bench/bench_*; do if [ -x "$$b" ]; then "$$b" || exit 1; fi; done
	@BUILD=$(abspath $(BUILD)) bench/peers/run --json $(BUILD)/peers.json; s=$$?; \
	 if [ $$s = 3 ]; then echo "bench: PyPI cannot be reached; the comparison with peers is left out"; else exit $$s; fi

lint: all ## layers, symbols, sizes, headers, words, format
	@BUILD=$(BUILD) tools/lint.sh

fuzz: deps ## each fuzz target for FUZZ_SECONDS under ASan and UBSan
	$(call CONFIGURE,$(BUILD)-fuzz,-DCMAKE_C_COMPILER=clang -DHONE_FUZZ=ON)
	@$(call NINJA,$(BUILD)-fuzz)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh $(BUILD)-fuzz

asan: deps ## every test under AddressSanitizer and UBSan
	$(call CONFIGURE,$(BUILD)-asan,-DHONE_SANITIZE=address,undefined)
	@$(call NINJA,$(BUILD)-asan)
	@tools/run_tests.sh $(BUILD)-asan $(CTEST_FLAGS)

tsan: deps ## the tests labelled threads under ThreadSanitizer
	$(call CONFIGURE,$(BUILD)-tsan,-DHONE_SANITIZE=thread)
	@$(call NINJA,$(BUILD)-tsan) --target threads_tests
	@tools/run_tests.sh $(BUILD)-tsan -L threads $(CTEST_FLAGS)

docs: all ## the pages that are generated
	@$(call NINJA,$(BUILD)) --target gen_ops_doc gen_coverage
	@{ $(BUILD)/gen_ops_doc && $(BUILD)/gen_coverage; } >docs/ops.md.tmp && mv docs/ops.md.tmp docs/ops.md
	@HONE_SOURCE=$(CURDIR) HONE_GOLDEN=write $(BUILD)/test/test_optimize_recipe >/dev/null

torture: all ## fail each allocation in turn
	@tools/run_tests.sh $(BUILD) -L torture $(CTEST_FLAGS)

mutate: all ## fixed edits that the tests must notice
	@BUILD=$(BUILD) tools/mutate.sh

install: all ## DESTDIR and PREFIX are honoured
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove every build folder
	rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-asan $(BUILD)-tsan

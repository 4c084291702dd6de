# One command per chore; `make` alone lists them. Nothing is installed outside the virtual environment but Debian packages, and
# those only for root (tools/need).
#
#   PYTHON=python3.13   the interpreter; each version but the default has an environment of its own, .venvs/3.13
#   JOBS=2              how much runs at once
#   PENSTOCK_SANITIZE=address,undefined   extensions with sanitizers and assertions, in an environment of their own
#   PENSTOCK_WERROR=1   compiler warnings are errors; CI sets it, so that a newer compiler's new opinion stops no user

PYTHON ?= python3
JOBS ?= $(shell nproc)
BUILD ?= build
CC ?= cc

VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := $(if $(PENSTOCK_SANITIZE),.venvs/$(VERSION)-sanitize,$(if $(filter python3,$(PYTHON)),.venv,.venvs/$(VERSION)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# setup.py reads them, however they were given.
export PENSTOCK_SANITIZE PENSTOCK_WERROR

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(filter 1,$(PENSTOCK_WERROR)),-Werror)
C_FLAGS := -std=c11 -g -Icsrc $(WARNINGS)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CORE := $(sort $(wildcard csrc/*/*.c))

# Targets that fan out call make again with this, unless the caller already said how many jobs it wants.
FAN_OUT = +@$(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,--jobs=$(JOBS) --output-sync)

.PHONY: help
help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	    printf '  make %-10s %s\n' "$$name" "$$text"; done

# --- the environment: one file of a date for each step, so that a second run has nothing to do ---------------------------------

$(VENV)/made:
	@PYTHON=$(PYTHON) tools/need cc python
	@echo "making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

# A group of dependencies of pyproject.toml.
$(VENV)/group-%: pyproject.toml $(VENV)/made
	@echo "installing the $* tools"
	@$(PIP) install --group $*
	@touch $@

SOURCES := $(sort $(wildcard setup.py csrc/*/*.[ch] pyx/*.p[yx]? pyx/*/*.pxd python/penstock/*.py* python/penstock/*/*.py*))

# Rewritten when the list changes, for a file that is gone has no date. What setup.py once put into build/lib it would install
# for ever.
$(VENV)/sources: $(VENV)/made FORCE
	@echo $(SOURCES) | cmp --silent - $@ || { rm -rf build/lib.*; echo $(SOURCES) > $@; }
.PHONY: FORCE
FORCE:

# Without isolation, for that would build all anew; setup.py compiles what changed.
$(VENV)/installed: $(SOURCES) $(VENV)/sources $(VENV)/group-build
	@echo "building penstock"
	@$(PIP) install --no-build-isolation .
	@touch $@

.PHONY: dev install
install: $(VENV)/installed

dev: $(VENV)/group-dev install ## make the environment with every tool, and penstock in it
	@echo "ready: . $(BIN)/activate"

# --- serving -----------------------------------------------------------------------------------------------------------------

HTTP ?= 127.0.0.1:8000
FCGI ?= 127.0.0.1:9000

.PHONY: serve
serve: install ## serve examples/hello over HTTP=127.0.0.1:8000 and FCGI=127.0.0.1:9000
	@exec $(BIN)/python tools/serve.py --http $(HTTP) --fcgi $(FCGI)

# --- tests -------------------------------------------------------------------------------------------------------------------

# The interpreter is not built with the sanitizer, so its runtime has to be there first; and it frees nothing at its end.
RUNTIME := $(if $(PENSTOCK_SANITIZE),LD_PRELOAD=$(shell $(CC) -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0)
PYTEST := $(RUNTIME) $(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=worksteal

.PHONY: test test-core lint format need-test
test: need-test ctest $(VENV)/group-test install ## run the whole suite: C unit tests, then pytest
	@$(PYTEST) $(ARGS)

test-core: $(VENV)/group-test install ## run the tests of codecs, server and gateway only, e.g. with PYTHON=python3.13
	@$(PYTEST) -m core $(ARGS)

# All at once, for whoever has to ask an administrator.
need-test:
	@CC=$(CC) PYTHON=$(PYTHON) tools/need cc python nginx

lint: $(VENV)/group-test install ## check layout, types and layers
	@$(BIN)/python -m pytest tests/test_sourcecode.py tests/test_layers.py

format: $(VENV)/group-lint ## lay the sources out
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .
	@git ls-files '*.[ch]' | xargs $(BIN)/clang-format -i

# --- C unit tests: every tests/c/test_*.c is a program, linked with the other tests/c/*.c and the core; every fuzz target replays
# its seeds

CTEST := $(BUILD)/ctest/$(notdir $(CC))
CTEST_PROGRAMS := $(patsubst tests/c/%.c,%,$(sort $(wildcard tests/c/test_*.c)))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.PHONY: ctest ctest-run $(CTEST_PROGRAMS:%=ctest-run/%) $(FUZZ_TARGETS:%=ctest-replay/%)
ctest: ## run the C unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@CC=$(CC) tools/need cc
	$(FAN_OUT) ctest-run

ctest-run: $(CTEST_PROGRAMS:%=ctest-run/%) $(FUZZ_TARGETS:%=ctest-replay/%)

# Run from the top, where the tests find tests/corpus.
$(CTEST_PROGRAMS:%=ctest-run/%): ctest-run/%: $(CTEST)/%
	@UBSAN_OPTIONS=print_stacktrace=1 $< && echo "ok   $*" || { echo "FAIL $*"; exit 1; }

$(FUZZ_TARGETS:%=ctest-replay/%): ctest-replay/%: $(CTEST)/replay_%
	@UBSAN_OPTIONS=print_stacktrace=1 $< $(wildcard tests/fuzz/corpus/$*) && echo "ok   replay_$*" \
	    || { echo "FAIL replay_$*"; exit 1; }

$(CTEST)/test_%: $(CTEST)/tests/c/test_%.o $(CTEST)/shared.a $(CTEST)/core.a
	@$(CC) $(SANITIZE) -o $@ $^ -lpthread

$(CTEST)/replay_%: $(CTEST)/tests/fuzz/fuzz_%.o $(CTEST)/tests/fuzz/replay.o $(CTEST)/core.a
	@$(CC) $(SANITIZE) -o $@ $^ -lpthread

# Archives, so that a program links only what it tests.
$(CTEST)/shared.a: $(patsubst %.c,$(CTEST)/%.o,$(filter-out tests/c/test_%,$(sort $(wildcard tests/c/*.c))))
	@rm -f $@ && $(AR) rcs $@ $^

$(CTEST)/core.a: $(CORE:%.c=$(CTEST)/%.o)
	@rm -f $@ && $(AR) rcs $@ $^

$(CTEST)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(C_FLAGS) -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

# --- fuzzing: every tests/fuzz/fuzz_*.c, with clang's libFuzzer; what it finds new stays in $(FUZZ) -----------------------------

FUZZ := $(BUILD)/fuzz
SECONDS ?= 60

.PHONY: fuzz fuzz-run $(FUZZ_TARGETS:%=fuzz-run/%)
fuzz: ## fuzz each decoder for SECONDS=60
	@tools/need fuzzer
	$(FAN_OUT) fuzz-run SECONDS=$(SECONDS)

fuzz-run: $(FUZZ_TARGETS:%=fuzz-run/%)

$(FUZZ_TARGETS:%=fuzz-run/%): fuzz-run/%: $(FUZZ)/fuzz_%
	@mkdir -p $(FUZZ)/corpus/$* $(FUZZ)/findings
	@$< -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix=$(FUZZ)/findings/$*- $(FUZZ)/corpus/$* $(wildcard tests/fuzz/corpus/$*) 2> $(FUZZ)/$*.log \
	    && sed -n 's/^stat::number_of_executed_units: */ok   $*: inputs run: /p' $(FUZZ)/$*.log \
	    || { tail -n 60 $(FUZZ)/$*.log; echo "FAIL $*: the input is in $(FUZZ)/findings/"; exit 1; }

$(FUZZ)/fuzz_%: $(FUZZ)/tests/fuzz/fuzz_%.o $(FUZZ)/core.a
	@clang -fsanitize=fuzzer $(SANITIZE) -o $@ $^

$(FUZZ)/core.a: $(CORE:%.c=$(FUZZ)/%.o)
	@rm -f $@ && $(AR) rcs $@ $^

$(FUZZ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@clang $(C_FLAGS) -O2 -fsanitize=fuzzer-no-link $(SANITIZE) -MMD -MP -c -o $@ $<

# Not to be deleted as by-products.
.PRECIOUS: $(CTEST)/%.o $(FUZZ)/%.o

-include $(shell find $(CTEST) $(FUZZ) -name '*.d' 2>/dev/null)

# --- benchmarks, wheels, order ---------------------------------------------------------------------------------------------------

.PHONY: bench wheel clean distclean
bench: $(VENV)/group-bench $(VENV)/group-test install ## measure the codecs and, against its peers, the server
	@$(BIN)/python -m bench $(ARGS)

wheel: $(VENV)/group-wheel ## build, repair, install and try a wheel for every CPython found
	@$(BIN)/python tools/wheel.py

clean: ## remove what was built
	rm -rf $(BUILD) build dist wheelhouse .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
	rm -rf .venv/installed .venvs/*/installed

distclean: clean ## remove the environments too
	rm -rf .venv .venvs

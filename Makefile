# One command per chore; `make` alone lists them. Nothing is installed outside .venv (or .venvs/X.Y) but Debian packages, and
# those only for root.

CC ?= cc
JOBS ?= $(shell nproc)
BUILD ?= build

# Warnings are always on; they are errors where PENSTOCK_WERROR=1 (CI), so that a newer compiler's new opinion stops no user.
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

# --- C unit tests: every tests/c/test_*.c is a program, linked with the harness and the whole core ---------------------------

CTEST := $(BUILD)/ctest/$(notdir $(CC))
CTEST_PROGRAMS := $(patsubst tests/c/%.c,%,$(sort $(wildcard tests/c/test_*.c)))

.PHONY: ctest ctest-run $(CTEST_PROGRAMS:%=ctest-run/%)
.SECONDARY:
ctest: ## run the C unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(FAN_OUT) ctest-run

ctest-run: $(CTEST_PROGRAMS:%=ctest-run/%)

# Run from the top, where the tests find tests/corpus.
$(CTEST_PROGRAMS:%=ctest-run/%): ctest-run/%: $(CTEST)/%
	@UBSAN_OPTIONS=print_stacktrace=1 $< && echo "ok   $*" || { echo "FAIL $*"; exit 1; }

$(CTEST)/test_%: $(CTEST)/tests/c/test_%.o $(CTEST)/tests/c/harness.o $(CTEST)/core.a
	@$(CC) $(SANITIZE) -o $@ $^ -lpthread

# An archive, so that a program links only what it tests.
$(CTEST)/core.a: $(CORE:%.c=$(CTEST)/%.o)
	@rm -f $@ && $(AR) rcs $@ $^

$(CTEST)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(C_FLAGS) -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

-include $(shell find $(CTEST) -name '*.d' 2>/dev/null)

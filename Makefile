# Everything a developer runs. `make demo` needs Python 3.11 or newer and nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench soak pins clean
.DELETE_ON_ERROR:

PY := .venv/bin/python
ARGS ?=
# Three workers on two cores: much of the suite waits for real processes. A file stays together, so
# that what it starts is started once; the order is that of tests/conftest.py.
TEST_ARGS ?= -m "not soak" -n 3 --dist loadfile --no-loadscope-reorder
# What `make setup` may build the environment with; the first that runs and is new enough is taken.
PYTHONS ?= $(PYTHON) python3.13 python3.12 python3.11 python3

# A stamp carries its requirements' checksum in its name: changed pins are installed by themselves.
sum = $(shell cksum < requirements/$(1).txt | tr -s ' \t' '-')
BASE := .venv/.installed-base-$(call sum,base)
DEV := .venv/.installed-dev-$(call sum,dev)
BENCH := .venv/.installed-bench-$(call sum,bench)

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile
	@echo '  PORT=8001 make demo      another port;  make test ARGS="tests/shops -x"  a part'

setup: $(DEV)  ## the environment in .venv with everything, tests and linters too

demo: $(BASE)  ## PostgreSQL, Valkey, the service, its worker and believable data: one command
	@$(PY) -m backend.launcher

test: $(DEV)  ## the test suite on its own real servers
	@$(PY) -m pytest $(TEST_ARGS) $(ARGS)

lint: $(DEV)  ## style, types, directions of imports, migrations, production settings
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) manage.py makemigrations --check --dry-run
	@TUIKE_ENV=production ALLOWED_HOSTS=tuike.example PUBLIC_URL=https://tuike.example \
		SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		FIELD_KEYS="$$($(PY) -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')" \
		STATEMENT_SIGNING_KEY="$$($(PY) -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')" \
		PAYMENT_SANDBOX_SECRET="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(32))')" \
		$(PY) manage.py check --deploy --fail-level WARNING

bench: $(BENCH)  ## every speed claim against its yardstick; writes docs/benchmarks.md
	@$(PY) -m tests.bench $(ARGS)

soak: $(DEV)  ## the long runs under kill -9
	@$(PY) -m pytest -m soak $(ARGS)

pins:  ## recompile requirements/*.txt from *.in (needs uv)
	@command -v uv >/dev/null || { echo 'make pins needs uv on the PATH' >&2; exit 1; }
	@for name in base dev bench; do \
		inputs=requirements/base.in; [ $$name = base ] || inputs="$$inputs requirements/dev.in"; \
		[ $$name != bench ] || inputs="$$inputs requirements/bench.in"; \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-annotate $$inputs -o requirements/$$name.txt || exit 1; \
	done

clean:  ## stop the servers, remove their data and the environment
	@for python in $(PY) $(PYTHONS); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			$$python -m backend.embedded clean || exit 1; break; \
		fi; \
	done
	@rm -rf var .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# pip and uv both refuse a file whose hash is not the one written down.
define install
	@echo "installing requirements/$(1).txt into .venv (a minute or two the first time)"
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements/$(1).txt; \
	else \
		{ $(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null; } && \
		$(PY) -m pip install -qq --disable-pip-version-check --no-input \
			--require-hashes -r requirements/$(1).txt; \
	fi
	@rm -f .venv/.installed-$(1)-*
	@touch $@
endef

$(BASE): | $(PY)
	$(call install,base)

# dev.txt holds all of base.txt.
$(DEV): | $(PY)
	$(call install,dev)
	@rm -f .venv/.installed-base-*
	@touch $(BASE)

# bench.txt holds all of dev.txt.
$(BENCH): $(DEV) | $(PY)
	$(call install,bench)

# A shim may answer to its name and yet not run, so each is tried; venv needs ensurepip as well.
$(PY):
	@needs=''; command -v uv >/dev/null || needs='; import ensurepip, venv'; \
	for python in $(PYTHONS); do \
		found=$$($$python -c "import sys; assert sys.version_info >= (3, 11)$$needs; print(sys.executable)" 2>/dev/null) || continue; \
		echo "making .venv with $$found, $$($$found --version)"; \
		if command -v uv >/dev/null; then exec uv venv --quiet --clear --python "$$found" .venv; fi; \
		exec "$$found" -m venv --clear .venv; \
	done; \
	echo 'needs Python 3.11 or newer with its venv module (tried: $(strip $(PYTHONS))): install one, or name it with PYTHON=/path/to/python3' >&2; \
	exit 1

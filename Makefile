# make run    sets everything up and shows the main job
# make test   sets everything up and runs the linters, the type checker and all tests
PYTHON ?= python3
RUN_ENV := .venv-run
DEV_ENV := .venv
TFLITE_ENV := .venv-tflite

.PHONY: dist deb test-deb run test soak bench bench-growth bench-guard setup setup-run check format clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make/make/p' Makefile

run: $(RUN_ENV)/.ready
	@$(RUN_ENV)/bin/fer-runtime --fetch-assets
	@benchmarks/demo.sh $(RUN_ENV)/bin/fer-runtime out

# Only what a kiosk gets: the lean core.
setup-run $(RUN_ENV)/.ready: setup.cfg pyproject.toml
	@echo "== $(RUN_ENV): environment with the lean core (once, about 300 MB)"
	@$(PYTHON) -m venv $(RUN_ENV) || { echo "make: venv is missing; on Debian and Ubuntu: sudo apt-get install python3-venv libgl1 libglib2.0-0" >&2; exit 1; }
	@$(RUN_ENV)/bin/python -m pip install --disable-pip-version-check -e .
	@touch $(RUN_ENV)/.ready

test: setup
	@$(RUN_ENV)/bin/fer-runtime --fetch-assets
	@echo "== ruff"
	@$(DEV_ENV)/bin/ruff check . && $(DEV_ENV)/bin/ruff format --check .
	@echo "== mypy"
	@$(DEV_ENV)/bin/mypy
	@echo "== pytest: trainer and converter, two files at a time"
	@$(DEV_ENV)/bin/python -m pytest -n 2 --dist loadfile tests/training tests/converter
	@echo "== pytest: everything else, one test at a time: cameras, windows and brokers have deadlines"
	@$(DEV_ENV)/bin/python -m pytest --ignore tests/training --ignore tests/converter

setup: $(DEV_ENV)/.ready $(RUN_ENV)/.ready $(TFLITE_ENV)/.ready

# tflite-runtime alone, with numpy 1; it has wheels up to Python 3.11, elsewhere there is none.
$(TFLITE_ENV)/.ready: setup.cfg pyproject.toml
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then \
	  echo "== $(TFLITE_ENV): environment with tflite-runtime (once, about 250 MB)"; \
	  $(PYTHON) -m venv $(TFLITE_ENV) && \
	  $(TFLITE_ENV)/bin/python -m pip install --disable-pip-version-check -e '.[tflite-runtime]' && \
	  $(TFLITE_ENV)/bin/python -m pip uninstall -q -y ai-edge-litert; \
	else mkdir -p $(TFLITE_ENV); fi
	@touch $(TFLITE_ENV)/.ready

$(DEV_ENV)/.ready: setup.cfg pyproject.toml
	@echo "== $(DEV_ENV): environment with all extras and the test tools (once, about 2 GB)"
	@$(PYTHON) -m venv $(DEV_ENV) || { echo "make: venv is missing; on Debian and Ubuntu: sudo apt-get install python3-venv libgl1 libglib2.0-0" >&2; exit 1; }
	@$(DEV_ENV)/bin/python -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $(DEV_ENV)/.ready

# make check  linters and types only; edits nothing
check: $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/ruff check . && $(DEV_ENV)/bin/ruff format --check . && $(DEV_ENV)/bin/mypy

# make format lets ruff edit
format: $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/ruff check --fix . ; $(DEV_ENV)/bin/ruff format .

# make clean  removes what was built, environments included
clean:
	rm -rf $(DEV_ENV) $(RUN_ENV) $(TFLITE_ENV) .cache build dist out *.egg-info

# make soak   100,000 frames through the real daemon with a camera that keeps failing (half an hour)
soak: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	$(DEV_ENV)/bin/python benchmarks/soak.py --frames 100000 --json benchmarks/results/soak.json

# make bench  this project and its peers side by side, each in an environment of its own (10 GB)
bench: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	$(DEV_ENV)/bin/python benchmarks/bench.py

# make bench-growth  how cost grows with faces, frame size, face size, threads
bench-growth: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	$(DEV_ENV)/bin/python benchmarks/growth.py

# make bench-guard   fails where speed has fallen by a quarter since benchmarks/results/guard.json
bench-guard: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	$(DEV_ENV)/bin/python benchmarks/guard.py

# make deb    the Debian package, dist/fer-edge_VERSION_ARCH.deb (some minutes)
deb: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	packaging/deb.sh
	lintian --fail-on error dist/fer-edge_*.deb

# make test-deb  the package in a clean Debian 12 without a network (root, mmdebstrap)
test-deb:
	packaging/test_deb.sh dist/fer-edge_*.deb

# make dist   sdist, wheel and bill of materials (CycloneDX) in dist/
dist: $(DEV_ENV)/.ready
	packaging/dist.sh

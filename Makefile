# make run    sets everything up and shows the main job
# make test   sets everything up and runs the linters, the type checker and all tests
# (PYTHON=python3.12 chooses the interpreter of new environments)
PYTHON ?= python3
RUN_ENV := .venv-run
DEV_ENV := .venv
TFLITE_ENV := .venv-tflite
# One for each interpreter, as it is there to try them all.
RUNTIME_ENV := .venv-runtime-$(notdir $(PYTHON))
NO_VENV := { echo "make: venv is missing; on Debian and Ubuntu: sudo apt-get install python3-venv libgl1 libglib2.0-0" >&2; exit 1; }

.PHONY: run test test-spark test-runtime cov wheel soak bench bench-growth bench-guard setup setup-run
.PHONY: check imports format hooks font system clean help
.PHONY: docs sign bundle test-bundle dist check-sbom deb test-deb image test-image
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make/make/p' Makefile

run: $(RUN_ENV)/.ready
	@$(RUN_ENV)/bin/fer-runtime --fetch-assets
	@benchmarks/demo.sh $(RUN_ENV)/bin/fer-runtime out

# Only what a kiosk gets: the lean core.
setup-run $(RUN_ENV)/.ready: setup.cfg pyproject.toml
	@echo "== $(RUN_ENV): environment with the lean core (once, about 300 MB)"
	@$(PYTHON) -m venv $(RUN_ENV) || $(NO_VENV)
	@$(RUN_ENV)/bin/python -m pip install --disable-pip-version-check -e .
	@touch $(RUN_ENV)/.ready

# What has no deadline of a second or two: whatever starts TensorFlow first, for it takes longest.
TWO_AT_A_TIME := tests/training tests/converter tests/report tests/docs tests/packaging tests/archive \
  tests/benchmarks tests/runtime/test_soak.py tests/test_wheel.py tests/test_layout.py tests/test_docs.py
test: setup
	@$(RUN_ENV)/bin/fer-runtime --fetch-assets
	@$(MAKE) --no-print-directory check
	@echo "== pytest: trainer, converter, report, archive, documents: two files at a time"
	@$(DEV_ENV)/bin/python -m pytest -n 2 --dist loadfile $(TWO_AT_A_TIME)
	@echo "== pytest: everything else, one test at a time: cameras, windows and brokers have deadlines"
	@$(DEV_ENV)/bin/python -m pytest $(TWO_AT_A_TIME:%=--ignore %)

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
	@$(PYTHON) -m venv $(DEV_ENV) || $(NO_VENV)
	@$(DEV_ENV)/bin/python -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $(DEV_ENV)/.ready

# make test-runtime  tests of the runtime and the report alone, without TensorFlow: Python 3.10 to 3.14
test-runtime: $(RUNTIME_ENV)/.ready
	@$(RUNTIME_ENV)/bin/fer-runtime --fetch-assets
	$(RUNTIME_ENV)/bin/python -m pytest tests/runtime tests/report tests/test_wheel.py

$(RUNTIME_ENV)/.ready: setup.cfg pyproject.toml
	@echo "== $(RUNTIME_ENV): environment with the runtime, the report and the test tools (once, about 600 MB)"
	@$(PYTHON) -m venv $(RUNTIME_ENV) || $(NO_VENV)
	@$(RUNTIME_ENV)/bin/python -m pip install --disable-pip-version-check -e '.[test,report,mqtt,web]'
	@touch $(RUNTIME_ENV)/.ready

# make check  linters, import contracts and types only; edits nothing
check: $(DEV_ENV)/.ready imports
	@echo "== ruff"
	@$(DEV_ENV)/bin/ruff check . && $(DEV_ENV)/bin/ruff format --check .
	@echo "== mypy"
	@$(DEV_ENV)/bin/mypy

# make imports  who imports whom, against the contracts in setup.cfg; speaks of broken ones only
imports: $(DEV_ENV)/.ready
	@echo "== imports"
	@said=$$(PYTHONPATH=runtime:training:converter $(DEV_ENV)/bin/lint-imports --no-logo --cache-dir .cache/import-linter 2>&1) \
	  && echo "$$said" | tail -1 || { echo "$$said" >&2; exit 1; }

# make cov    coverage of the runtime and the report by the tests that run in the same process
cov: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	$(DEV_ENV)/bin/python -m pytest --cov --cov-report=term:skip-covered -n 2 --dist loadfile tests/runtime tests/report

# make wheel  builds dist/fer_edge-*.whl
wheel: $(RUNTIME_ENV)/.ready
	$(RUNTIME_ENV)/bin/python -m build --wheel --outdir dist

# make format lets ruff edit
format: $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/ruff check --fix . ; $(DEV_ENV)/bin/ruff format .

# make hooks  runs ruff, the import contracts and a look at file sizes before every commit
hooks: $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/pre-commit install

# make font   the window's font anew: a subset of Inter, from Debian's package fonts-inter
font: $(DEV_ENV)/.ready
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && (cd "$$folder" && apt-get -q download fonts-inter) && \
	dpkg -x "$$folder"/fonts-inter_*.deb "$$folder" && \
	$(DEV_ENV)/bin/python runtime/make_font.py "$$folder"/usr/share/fonts/opentype/inter/Inter-SemiBold.otf

# make system  Debian and Ubuntu: installs what environments and tests need of the system
SYSTEM := python3-venv libgl1 libglib2.0-0 xvfb xdotool imagemagick mosquitto openbox systemd systemd-container chromium \
  ffmpeg man-db openssl prometheus curl
system:
	@missing=$$(for p in $(SYSTEM); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

# make clean  removes what was built, environments included
clean:
	rm -rf $(DEV_ENV) $(RUN_ENV) $(TFLITE_ENV) .venv-runtime-* .cache build dist out *.egg-info

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

# make docs   the documents as a site in out/site, which loads nothing from elsewhere
docs: $(DEV_ENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(DEV_ENV)/bin/python -m mkdocs build --quiet --strict
	$(DEV_ENV)/bin/python docs/site/check.py out/site

# make sign   the sign for visitors as out/sign.en.pdf and out/sign.es.pdf (chromium)
CHROMIUM ?= chromium
sign:
	@mkdir -p out && for lang in en es; do \
	  $(CHROMIUM) --headless --no-sandbox --no-pdf-header-footer --print-to-pdf=out/sign.$$lang.pdf \
	    "file://$(CURDIR)/docs/sign/sign.$$lang.html" 2>/dev/null && ls -l out/sign.$$lang.pdf || exit 1; done

# make deb    the Debian package, dist/fer-edge_VERSION_ARCH.deb (some minutes)
deb: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	packaging/deb.sh
	lintian --fail-on error dist/fer-edge_*.deb

# make test-deb  the package in a clean Debian 12 without a network (root, mmdebstrap)
test-deb:
	packaging/test_deb.sh dist/fer-edge_*.deb

# make image  the container image fer-edge:VERSION (IMAGE_BUILD, IMAGE_FLAGS: tool and options, such as --arch arm64)
IMAGE_BUILD ?= podman build --format docker
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' runtime/fer_runtime/__init__.py)
image:
	$(IMAGE_BUILD) $(IMAGE_FLAGS) -t fer-edge:$(VERSION) -f Containerfile .

# make test-image  the image without a network and read-only, its health, its size (podman)
test-image:
	packaging/test_image.sh fer-edge:$(VERSION)

# make test-bundle  the bundle in a clean Debian 12 without a network (root, mmdebstrap)
test-bundle:
	packaging/test_bundle.sh dist/fer-edge-*.tar.gz

# make dist   sdist, wheel and bill of materials (CycloneDX) in dist/
dist: $(DEV_ENV)/.ready
	packaging/dist.sh

# make check-sbom  the bill of materials of make dist against CycloneDX's schema (in an environment of its own)
check-sbom:
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder" && \
	"$$folder/bin/pip" install -q --disable-pip-version-check 'cyclonedx-python-lib[json-validation]>=8' && \
	"$$folder/bin/python" packaging/check_sbom.py dist/fer-edge.cdx.json

# make bundle  wheels, weights and install.sh in one file, for machines without a network
bundle: $(DEV_ENV)/.ready
	@$(DEV_ENV)/bin/fer-runtime --fetch-assets
	packaging/bundle.sh

# make test-spark   the report on Spark in an environment of its own (1.5 GB, needs Java 17; slow)
SPARK_ENV := .venv-spark
$(SPARK_ENV)/.ready: setup.cfg pyproject.toml
	@$(PYTHON) -m venv $(SPARK_ENV)
	@$(SPARK_ENV)/bin/python -m pip install --disable-pip-version-check -e '.[test,report,spark]'
	@touch $(SPARK_ENV)/.ready

test-spark: $(SPARK_ENV)/.ready
	FER_TEST_SPARK=1 $(SPARK_ENV)/bin/python -m pytest tests/report/test_spark.py

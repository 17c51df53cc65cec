# make demo: sets up and writes a real report from a real film. make test: sets up, lints, tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := $(shell git ls-files grounded detectors generators viz configs 2>/dev/null)

.PHONY: demo serve web test test-full-size fuzz kills validate lint format clean mutants

demo: $(VENV)/.installed
	$(BIN)/grounded report examples/opacity_pa.jpg -o out/demo
	@cat out/demo/report.txt
	@echo "Open out/demo/report.html in a browser: point at a sentence, see the place."
	@echo "make serve opens the reading room: ask about any place, work on the report."

# The reading room with the example films, in the browser.
serve: $(VENV)/.installed
	$(BIN)/pip install -q '.[serve]'
	$(BIN)/grounded serve examples

test: lint
	$(BIN)/pytest

# The front end of report.html and of the reading room: needs Node 20.19 or newer; prints what it weighs.
web:
	cd viz/web && npm ci --no-audit --no-fund && npm test && npm run build

# The published RGRG layout in full size: REFERENCE is a folder with its layout and recorded outputs.
test-full-size: $(VENV)/.dev
	GROUNDED_RGRG_REFERENCE=$(REFERENCE) $(BIN)/pytest -m full_size

# Damaged files of four formats: no crash, no foreign exception, nothing above the limits.
fuzz: $(VENV)/.dev
	$(BIN)/python benchmarks/fuzz_films.py --files 5000

# A batch is killed again and again and goes on: nothing lost, half or twice.
kills: $(VENV)/.dev
	$(BIN)/python benchmarks/batch_kills.py examples/normal_pa.jpg --kills 50

# What dicom3tools, dcmtk, pydicom and highdicom say of each DICOM object.
validate: $(VENV)/.dev
	$(BIN)/python benchmarks/validators.py examples/normal_pa.jpg

# How many small faults in the code the fast tests notice; all rooms, or ROOMS="geometry marks".
mutants: $(VENV)/.dev
	$(BIN)/pip install -q '.[dev,mutants]'
	$(BIN)/python benchmarks/mutants.py $(ROOMS)

# Types are checked from elsewhere: from here mypy would see the folder grounded/ alone.
lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(VENV) && $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) -p grounded

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist out *.egg-info .mypy_cache .pytest_cache .ruff_cache

# A regular install, so that tests and types see the package that users get.
$(VENV)/.installed: $(VENV)/.dependencies $(SOURCES)
	rm -rf build
	$(BIN)/pip install -q --no-deps --force-reinstall .
	touch $@

$(VENV)/.dependencies: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/pip install -q '.[dev,serve]'
	touch $@

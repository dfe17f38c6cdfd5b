# make demo and make test each work alone on a fresh clone: they make .venv and install what they need.
PYTHON ?= python3
# On Linux the package index's torch brings CUDA. For the smaller CPU build give pip its index, for example
#   make test TORCH="torch==2.13.0 --index-url URL"    (PyTorch's install page has the URL)
TORCH ?= torch==2.13.0
BIN := .venv/bin

.PHONY: demo test check docs format clean

demo: .venv/.sim
	$(BIN)/vgf-robot demo

# The tests draw nothing, and without a renderer importing MuJoCo must not look for one: it would hang on some machines.
test: .venv/.dev
	MUJOCO_GL=disable OMP_NUM_THREADS=1 $(BIN)/pytest

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# The site, in out/docs; `python -m http.server -d out/docs` shows it with its search. --quiet would make --strict blind.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv out

.venv/.made:
	$(PYTHON) -m venv .venv
	touch $@

.venv/.sim: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[sim]'
	touch $@

.venv/.docs: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# torch first and by its exact version, so that no later requirement chooses another build.
.venv/.dev: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[sim,train,dev]'
	touch $@ .venv/.sim .venv/.docs

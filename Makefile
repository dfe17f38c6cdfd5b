# make demo and make test each work alone on a fresh clone: they make .venv and install what they need.
PYTHON ?= python3
BIN := .venv/bin
# Without a renderer MuJoCo must not look for one: importing it would hang on some machines.
export MUJOCO_GL ?= disable

.PHONY: demo test check format clean

demo: .venv/.sim
	$(BIN)/vgf-robot demo

test: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/pytest

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

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

# torch's CPU build comes first: a later requirement for "torch" would bring gigabytes of CUDA.
.venv/.dev: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[sim,train,dev]'
	touch $@ .venv/.sim

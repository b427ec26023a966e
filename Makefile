# `make lab` opens the course, `make test` checks it. Both build the environment when needed:
# .venv, or the conda environment that is active. The work itself is done by `lessons`.
#
#   PYTHON=python3.12   builds .venv with this Python, conda or not
#   TORCH_INDEX=URL     installs torch from this wheel index first (CPU only, or a CUDA version).
#                       Another URL later replaces torch; `default` goes back to pip's own index;
#                       with no TORCH_INDEX, the torch that is installed stays.
#   PROCESSES=8         tests in eight processes, on a machine with that many cores; 2 otherwise

SHELL := bash
.PHONY: lab test test-more test-browser mutants run notebooks slides slides-pdf book lint format checkpoints clean

# The environment: a conda environment of your own, else .venv.
ENV := .venv
ifeq ($(origin PYTHON),undefined)
  PYTHON := python3
  ifneq ($(CONDA_PREFIX),)
    ifneq ($(CONDA_DEFAULT_ENV),base)
      ENV := $(CONDA_PREFIX)
    endif
  endif
endif
PY := $(ENV)/bin/python
export JUPYTER_PREFER_ENV_PATH := 1
export OMP_WAIT_POLICY := PASSIVE

# pip's long downloads are shown, its hundred lines of "already satisfied" are not.
PIP := set -o pipefail; pip_install() { $(PY) -m pip install -c constraints.txt --no-input \
  --disable-pip-version-check $(if $(filter .venv,$(ENV)),--require-virtualenv) "$$@" | \
  while IFS= read -r line; do case "$$line" in *Downloading*MB*) echo "$$line";; \
  "Installing collected"*) echo "  Unpacking ...";; esac; done; }; pip_install

# A stamp is touched last, so an install that was interrupted is done again.
RUNTIME := $(ENV)/.lessons-runtime
TEST := $(ENV)/.lessons-test
PAGES := $(ENV)/.lessons-pages
BROWSER := $(ENV)/.lessons-browser
MUTANTS := $(ENV)/.lessons-mutants
TORCH := $(if $(TORCH_INDEX),$(ENV)/.lessons-torch-$(subst /,_,$(subst :,_,$(TORCH_INDEX))))
INDEX := $(if $(filter default,$(TORCH_INDEX)),,--index-url $(TORCH_INDEX))

lab: $(RUNTIME)
	@$(ENV)/bin/lessons lab

run: $(RUNTIME)
	@$(ENV)/bin/lessons run

notebooks: $(RUNTIME)
	@$(ENV)/bin/lessons notebooks

# A deck for each notebook, the lecturer's notes on paper, a book of all: no network is needed.
slides: $(PAGES)
	@$(ENV)/bin/lessons slides

slides-pdf: $(BROWSER)
	@$(ENV)/bin/lessons slides --pdf

book: $(PAGES)
	@$(ENV)/bin/lessons book

checkpoints: $(RUNTIME)
	@$(ENV)/bin/lessons train all

# The tests, the notebooks with their answers and their widgets among them; then every notebook
# cell by cell. Each process has one thread: two that wait for each other at every step are slower
# than one, and much slower where others compute, too.
PROCESSES := 2
TESTS := $(PY) -m pytest -q -n $(PROCESSES) --dist worksteal

test: lint
	OMP_NUM_THREADS=1 $(TESTS) -m 'not more'
	LESSONS_PLAIN=1 TQDM_DISABLE=1 PYTHONHASHSEED=0 $(PY) -m pytest -q -n $(PROCESSES) \
	  --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=300 notebooks

# The notebooks on another machine, twice in one kernel, and four at once. Then whatever computes,
# as on two other processors: an old one with one thread, and one without AVX-512 with two. Each is
# given a half of the tests, since `make test` runs them all. (torch, its convolutions and its matrix
# products each have a switch of their own.)
test-more: $(TEST)
	$(PY) -m pytest -q -m more
	ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2 \
	  OMP_NUM_THREADS=1 $(TESTS) --part=1/2 $(COMPUTES)
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
	  OMP_NUM_THREADS=2 $(TESTS) --part=2/2 $(COMPUTES)

# All but the tests of words, files and programs, which no processor changes, and two slow ones.
COMPUTES := $(patsubst %,--ignore=tests/test_%.py,bank bench book browser buttons cli docs \
  editions execute files form house imports measure memory names new_notebook notebooks overview \
  page practice say slides start viz walks widgets written)

# JupyterLab, slides and book in Chromium, moved by mouse and keyboard as a reader moves them. What
# fails is tried once more, and says so: JupyterLab itself now and then loses a message.
LOOK := OMP_NUM_THREADS=1 $(PY) -m pytest -q -rs -n $(PROCESSES) tests/browser

test-browser: $(BROWSER)
	@$(LOOK) || { echo "Once more, what has failed:"; $(LOOK) --lf --lfnf=none; }

# Do the tests notice when one thing in the library changes? It may be stopped and started again.
mutants: $(MUTANTS)
	$(PY) tests/mutants/run.py

lint: $(TEST)
	$(PY) -m ruff check
	$(PY) -m ruff format --check

format: $(TEST)
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# Everything that was made here, the environment too, unless it is conda's.
clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find lessons_lib tests -name __pycache__ -prune -exec rm -rf {} +

# A .venv whose making was interrupted has a python, but no pip, or it is the system's python in
# disguise, into which nothing may be installed: it is made again.
define READY
@if [ $(ENV) != .venv ]; then $(PY) -m pip --version >/dev/null; else \
  $(PY) -c 'import sys, pip; sys.exit(sys.prefix == sys.base_prefix)' >/dev/null 2>&1 || { \
  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
    echo "The course needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
    echo "If you have a newer one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }; \
  echo "Making $(ENV) (once) ..."; rm -rf $(ENV); $(PYTHON) -m venv $(ENV); }; fi
endef

# Taking torch out first makes pip ask the index that is wanted; the other stamps go with it.
ifneq ($(TORCH),)
$(TORCH):
	$(READY)
	@echo "Installing torch from $(TORCH_INDEX) ..."
	@rm -f $(ENV)/.lessons-*
	@$(PY) -m pip uninstall -q -y torch
	@$(PIP) $(INDEX) torch
	@touch $@
endif

$(RUNTIME): pyproject.toml constraints.txt $(TORCH)
	$(READY)
	@echo "Installing the course (a few minutes the first time) ..."
	@$(PIP) -e .
	@touch $@

$(TEST): pyproject.toml constraints.txt $(TORCH)
	$(READY)
	@echo "Installing the course and its tests (a few minutes the first time) ..."
	@$(PIP) -e '.[test]'
	@touch $(RUNTIME) $@

$(PAGES): pyproject.toml constraints.txt $(TORCH)
	$(READY)
	@echo "Installing the makers of slides and book ..."
	@$(PIP) -e '.[pages]'
	@touch $(RUNTIME) $@

$(BROWSER): $(TEST)
	@echo "Installing the makers of slides and book, and the driver of a browser ..."
	@$(PIP) -e '.[pages,browser]'
	@touch $(PAGES) $@

$(MUTANTS): $(TEST)
	@echo "Installing the maker of mutants ..."
	@$(PIP) -e '.[mutants]'
	@touch $@

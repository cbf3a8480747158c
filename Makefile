# synbox. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

BPF_PROGRAMS := probes receive responder
BPF_OBJECTS  := $(BPF_PROGRAMS:%=build/bpf/%.bpf.o)
# The Swift toolchain's own clang and objcopy, wherever `swift` on the path leads to.
TOOLCHAIN    := $(shell swift -print-target-info 2>/dev/null | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')
BPF_CLANG    := $(TOOLCHAIN)/clang
BPF_OBJCOPY  := $(TOOLCHAIN)/llvm-objcopy
# Where the sources lie must not show in what is built: BPF's line information and __FILE__ of C and C++ say it.
SOURCE_MAP   := -ffile-prefix-map=$(CURDIR)=.
BPF_CFLAGS   := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I/usr/include/$(shell uname -m)-linux-gnu $(SOURCE_MAP)
SWIFT_STATIC := -c release --static-swift-stdlib -Xswiftc -static-executable -Xcc $(SOURCE_MAP) -Xcxx $(SOURCE_MAP)

# What Debian must provide: to build, to run the lab, to test, to compare with other scanners.
PACKAGES_BUILD := libbpf-dev libxdp-dev libcap-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev \
                  libseccomp-dev libelf-dev zlib1g-dev libzstd-dev pkg-config g++ git file
PACKAGES_LAB   := iproute2 ethtool procps jq openssh-client
PACKAGES_TEST  := codespell curl openssl strace tshark tcpdump python3 libcap2-bin binutils util-linux gzip zstd fdisk e2fsprogs mount \
                  dnsmasq-base iputils-ping nmap systemd
PACKAGES_BENCH := zmap masscan nftables valgrind wrk python3-matplotlib
PACKAGES_IMAGE := genimage mtools dosfstools e2fsprogs fdisk cpio zstd xz-utils kmod python3 python3-pefile \
                  debian-archive-keyring
# fonts-inter: what screenshots are drawn with.
PACKAGES_PAGE  := chromium chromium-driver python3-venv fonts-inter pngquant
PACKAGES_BOOT  := iputils-ping e2fsprogs fdisk dnsmasq-base
# Debian's own, which finds Debian's matplotlib.
PYTHON         := /usr/bin/python3

.PHONY: help setup bpf build benchmark fleet fleet-scale programs toolchain image image-lock image-reproducible boot-test unit kernel lab test tests \
        fuzz soak manage-load run page openapi screenshots bench evaluate bench-quick account overload model rollback inventory planning reference check fmt clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

setup: build/.setup ## install what is missing (apt packages); does nothing the second time

build/.setup: PACKAGES := $(PACKAGES_BUILD) $(PACKAGES_LAB) $(PACKAGES_TEST)
build/.setup-bench: PACKAGES := $(PACKAGES_BENCH)
build/.setup-image: PACKAGES := $(PACKAGES_IMAGE)
build/.setup-boot: PACKAGES := $(PACKAGES_BOOT)
build/.setup-page: PACKAGES := $(PACKAGES_PAGE)
build/.setup-bench build/.setup-image build/.setup-boot build/.setup-page: build/.setup
build/.setup build/.setup-bench build/.setup-image build/.setup-boot build/.setup-page: Makefile
	@mkdir -p build
	@missing=$$(dpkg-query -W -f='$${Package} $${Status}\n' $(PACKAGES) 2>/dev/null \
	  | awk '/install ok installed/ {print $$1}' | sort > build/.installed; \
	  printf '%s\n' $(PACKAGES) | sort -u | comm -23 - build/.installed); \
	if [ -n "$$missing" ]; then \
	  echo "installing:" $$missing; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >build/setup.log 2>&1 \
	    || { tail -n 20 build/setup.log; exit 1; }; \
	fi
	@rm -f build/.installed; touch $@

bpf: $(BPF_OBJECTS) build/bpf/revision build/bpf/components ## compile the BPF programs

build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) build/.setup
	@mkdir -p build/bpf
	$(BPF_CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp
	@$(BPF_OBJCOPY) --strip-debug $@.tmp && mv $@.tmp $@

# Rewritten only when the revision changes, so that nothing is compiled again for nothing.
build/bpf/revision: FORCE build/.setup
	@mkdir -p build/bpf
	@git describe --always --dirty 2>/dev/null | tr -d '\n' > $@.tmp || true
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
build/bpf/components: FORCE build/.setup
	@mkdir -p build/bpf
	@packaging/toolchain
	@packaging/components $(BPF_CLANG) > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
FORCE:

build: build/synbox build/synbox-manage build/synbox-agent build/synboxctl ## the programs, a static binary each

benchmark: build/synbox build/benchmark ## build/benchmark, which measures the parts that bound a scan

# SwiftPM knows what has to be built again. Valgrind cannot read Swift's debug information, and gives up.
build/synbox build/synbox-manage build/synbox-agent build/synboxctl build/benchmark build/synimage: build/%: bpf FORCE
	@swift build $(SWIFT_STATIC) --product $* 2>&1 \
	  | { grep -vE 'in statically linked applications|mktemp. is dangerous' || true; }; exit $${PIPESTATUS[0]}
	@cp .build/release/$* $@.tmp
	@$(if $(filter benchmark,$*),$(BPF_OBJCOPY) --strip-debug $@.tmp)
	@mv $@.tmp $@

# What the image takes: without symbols, and without the two notes that hash where the sources lay.
build/synbox.stripped build/synbox-manage.stripped build/synbox-agent.stripped: build/%.stripped: build/%
	@$(BPF_OBJCOPY) --strip-all --remove-section=.swift_modhash --remove-section=.note.gnu.build-id $< $@

# How long fuzzing and the soak take.
MINUTES ?= 5
PROFILE ?= all
SITE    ?= lab
# Grows with the source; the boot loader prefers the greatest.
VERSION ?= $(shell git rev-list --count HEAD)
OUTPUT  ?= build
CACHE   ?= build/cache/packages
IMAGE    = --profile $(PROFILE) --site $(SITE) --version $(VERSION) --cache $(CACHE) \
           --program build/synbox.stripped --manage build/synbox-manage.stripped --agent build/synbox-agent.stripped --revision $(shell cat build/bpf/revision) --epoch $(shell git log -1 --format=%ct)

image: toolchain build/synbox.stripped build/synbox-manage.stripped build/synbox-agent.stripped build/synimage build/.setup-image ## build/synbox.img for PROFILE=all SITE=lab (docs/design/image.md)
	@build/synimage build $(IMAGE) --output $(OUTPUT)

# Another patch release of Swift makes other bytes.
toolchain:
	@packaging/toolchain --exact

image-lock: build/synimage build/.setup-image ## pin the newest kernel and boot loader: image/packages.lock
	@build/synimage lock

image-reproducible: image ## build the image twice, from sources in two places, and compare every byte
	@image/reproducible $(filter-out --cache $(CACHE),$(IMAGE))

# BOOT takes further options, such as BOOT='--only firmware'; BOOT=--list names them all.
boot-test: image build/synboxctl build/nats-server build/.setup-boot build/venv/.installed ## the image in QEMU: boots, scans, power cuts, faults (docs/design/boot.md)
	@Tests/Boot/setup
	@$(PYTHON) Tests/Boot $(BOOT)

# STAY=1 keeps the box and its page until Ctrl-C.
STAY ?=

run: build ## the main job on a lab: submit a target file, fetch and check the results; STAY=1 keeps the page
	@STAY='$(STAY)' netconfig/run

fleet: build build/nats-server ## three boxes, a broker and a collector in labs: one scan, one box is killed half way; needs root
	@netconfig/fleet

# The pure targets alone, optimized, as for `make unit`.
fleet-scale: build/.setup-bench ## simulate fleets of 10 to 1,000 boxes, and draw what they cost: build/fleet-scale.png
	@mkdir -p build/unit && ln -sfn ../../Package.swift ../../Sources ../../Tests build/unit/
	@cd build/unit && SYNBOX_UNIT=1 swift build --build-tests -Xswiftc -O
	@$(PYTHON) Tests/Fleet/scale.py build/fleet-scale.png

soak: build tests ## a box whose spool is hostile, for MINUTES=5; needs root
	@SYNBOX_SOAK_MINUTES=$(MINUTES) timeout --kill-after=10 $$(( $(MINUTES) * 60 + 1200 )) \
	  swift test --skip-build --filter 'A box with a hostile spool'

manage-load: build tests build/.setup-bench ## gigabytes, a full disk and crowds for the management service, with figures; needs root
	@SYNBOX_MANAGE_LOAD=1 $(call SWIFT_TEST,1800) --filter 'The management service under load'

# Unpacked, not installed: the package would start a Prometheus server on this machine.
build/promtool: build/.setup
	@cd build && rm -f prometheus_*.deb && apt-get download -qq prometheus 2>setup.log || { cat setup.log; exit 1; }
	@dpkg-deb --fsys-tarfile build/prometheus_*.deb | tar -xO ./usr/bin/promtool > $@.tmp
	@rm build/prometheus_*.deb; chmod +x $@.tmp; mv $@.tmp $@

# Unpacked, too: the package would start a server.
build/nats-server: build/.setup
	@cd build && rm -f nats-server_*.deb && apt-get download -qq nats-server 2>setup.log || { cat setup.log; exit 1; }
	@dpkg-deb --fsys-tarfile build/nats-server_*.deb | tar -xO ./usr/sbin/nats-server > $@.tmp
	@rm build/nats-server_*.deb; chmod +x $@.tmp; mv $@.tmp $@

# Each run of tests ends, even if one hangs: a suite's own limit cannot stop a test that blocks.
SWIFT_TEST = timeout --kill-after=10 $(1) swift test --skip-build
# A test's name is `Module.suite/test`.
PURE_TESTS   := (BoxTests|BoxClientTests|FleetTests|ManageTests|ManagePageTests|NATSWireTests|WireTests|PlanTests|ScanTests|SettingsTests|SupportTests)\.
KERNEL_TESTS := (KernelTests|FleetHostTests|NICTests|DatapathTests|EngineTests|ConfinementTests|SpoolTests|InitTests|SupervisionTests|ProgramTests|FuzzTests)\.
LAB_TESTS    := (LabTests|ManageServiceTests|ServeTests|ImageTests)\.
FLEET_TESTS  := (NATSTests|FleetServiceTests)\.
# Random inputs that take minutes in a debug build.
LONG_TESTS   := hold for files changed at random|Mutated packets
# They keep the processors for so long that others would reach their limits.
SIMULATIONS  := A simulated fleet|A large fleet
LAB_CASES     = $(shell grep -v '^\#' Tests/lab-cases | paste -sd '|')

# A package directory of its own, so that the pure targets resolve no other package and the main build stays as it is.
unit: ## pure code alone: no root, no libraries, no other packages; SYNBOX_SEED=n repeats random tests
	@mkdir -p build/unit && ln -sfn ../../Package.swift ../../Sources ../../Tests build/unit/
	@# Optimized, because the tests then take 5 seconds instead of 40; `make test` runs them without.
	@cd build/unit && SYNBOX_UNIT=1 timeout --kill-after=10 900 swift test -Xswiftc -O

# The product of all tests, not --build-tests, which would compile synimage and with it swift-crypto's BoringSSL.
tests: bpf
	swift build --product synboxPackageTests

kernel: tests ## what talks to the kernel: sockets, BPF, namespaces, confinement, spool, init; needs root
	$(call SWIFT_TEST,900) --filter '$(KERNEL_TESTS)' --skip '$(LONG_TESTS)'

lab: build tests ## some end-to-end cases (Tests/lab-cases); needs root
	$(call SWIFT_TEST,900) --filter '$(LAB_CASES)'

# All programs at once: alone, the optimizer of one keeps a single processor busy.
programs: bpf
	@SYNBOX_PROGRAMS=1 swift build $(SWIFT_STATIC) >build/programs.log 2>&1 || { cat build/programs.log; exit 1; }

test: check programs build benchmark build/promtool build/nats-server image tests build/venv/.installed ## all tests; those on the kernel and the lab need root
	@# Three runs, because labs measure: what only computes would take their processors.
	$(call SWIFT_TEST,1200) --filter '$(PURE_TESTS)|$(KERNEL_TESTS)' --skip '$(SIMULATIONS)'
	$(call SWIFT_TEST,900) --filter '$(SIMULATIONS)'
	$(call SWIFT_TEST,1800) --filter '$(LAB_TESTS)'
	$(call SWIFT_TEST,900) --filter '$(FLEET_TESTS)'
	$(PYTHON) -m unittest discover -s Tests/Evaluation -p '*_test.py'
	$(PYTHON) -m unittest discover -s Tests/Boot -p '*_test.py'
	@cd Tests/Docs && $(PYTHON) -m unittest commands_test reference_test
	$(PAGE_TESTS)
	$(OPENAPI_TESTS)
	cd Tests/Client && $(PYTHON) -m unittest client_test get_test service_test run_test systemd_test

# Of -sanitize options the Swift compiler heeds the last alone, so that one names both; SwiftPM's own makes room
# for libFuzzer's main function and covers C and C++.
FUZZ := -c release --scratch-path build/fuzz/build --product fuzz --sanitize fuzzer \
        -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=address -Xcxx -fsanitize=address

fuzz: bpf ## fuzz every reader of foreign bytes for MINUTES=5 in all; docs/design/testing.md
	@SYNBOX_FUZZ=1 swift build $(FUZZ) 2>&1 \
	  | { grep -v __asan_extra_spill_area || true; }; exit $${PIPESTATUS[0]}
	@cp build/fuzz/build/release/fuzz build/fuzz/fuzz
	@# The XDP program has its test.
	swift build --product synboxPackageTests
	@$(PYTHON) Tests/Fuzz --minutes $(MINUTES)

bench: ## measure against ZMap and Masscan, about 10 minutes: build/evaluation/report.md
evaluate: ## the same in full: five rounds, the whole of every network
# EVALUATION takes further options, such as EVALUATION='--only limit,scan'; see docs/evaluation/README.md.
# ZMap 4 comes from a newer suite of Debian than this machine's, if the mirror has one.
bench evaluate: benchmark build/.setup-bench
	@[ -x build/zmap-newest/zmap ] || Tests/Evaluation/newest-zmap >build/zmap-newest.log 2>&1 \
	  || { tail -n 3 build/zmap-newest.log; echo "bench: ZMap 4 is not available, so the report compares with ZMap 2 alone"; }
	@$(PYTHON) Tests/Evaluation --scale $@ $(EVALUATION)

# For the page selenium, and axe-core, which axe-playwright-python holds; for the API schemathesis.
build/venv/.installed: build/.setup-page
	@$(PYTHON) -m venv build/venv
	@build/venv/bin/pip install --quiet selenium==4.51.0 schemathesis==4.32.5
	@build/venv/bin/pip install --quiet --no-deps axe-playwright-python==0.1.8
	@touch $@

PAGE_TESTS    = cd Tests/Page && timeout --kill-after=10 1200 ../../build/venv/bin/python -m unittest page_test trouble_test layout_test fleet_page_test
OPENAPI_TESTS = cd Tests/OpenAPI && timeout --kill-after=10 900 ../../build/venv/bin/python -m unittest document_test

page: build build/venv/.installed ## the page of the management service in a headless Chromium, with a real box; needs root
	$(PAGE_TESTS)

openapi: build build/venv/.installed ## schemathesis holds the management service to docs/reference/openapi.json; needs root
	$(OPENAPI_TESTS)

screenshots: build/venv/.installed ## write docs/page/*.png again
	cd Tests/Page && ../../build/venv/bin/python screenshots.py ../../docs/page && ../../build/venv/bin/python fleet_page_test.py ../../docs/page

# Not part of make test, because it builds the program of another revision.
BEFORE_PROGRAM = build/rollback/$(shell git rev-parse --short=12 '$(BEFORE)^{commit}')/build/synbox

rollback: build ## unfinished jobs across an update from BEFORE=REVISION, and a rollback to it; needs root
	@test -n "$(BEFORE)" || { echo "usage: make rollback BEFORE=REVISION" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(BEFORE_PROGRAM)
	@$(PYTHON) Tests/Rollback --now build/synbox --before $(BEFORE_PROGRAM)

build/rollback/%/build/synbox:
	@git worktree prune
	@git worktree add --force --detach build/rollback/$* $*
	@$(MAKE) --no-print-directory -C build/rollback/$* build

bench-quick: benchmark build/.setup-bench ## compare with BEFORE=REVISION in one run, under 2 minutes; RECORD=1 notes it down
	@test -n "$(BEFORE)" || { echo "usage: make bench-quick BEFORE=REVISION [RECORD=1]" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(BEFORE_PROGRAM)
	@$(PYTHON) Tests/Evaluation/quick.py --before $(BEFORE_PROGRAM) \
	  --before-revision $$(git rev-parse --short=12 '$(BEFORE)^{commit}') $(if $(RECORD),--record)

overload: build build/.setup-bench ## more answers than a box can take, and a slow disk; 7 minutes; needs root
	@$(PYTHON) Tests/Evaluation/overload.py

model: benchmark build/.setup-bench ## predict rates and costs from micro-benchmarks, and compare with measured ones (docs/design/scaling.md)
	@$(PYTHON) Tests/Evaluation/model.py

account: build build/.setup-bench ## where a probe's processor time goes at RATE=100000; BEFORE=REVISION beside it
	@$(if $(BEFORE),$(MAKE) --no-print-directory $(BEFORE_PROGRAM))
	@$(PYTHON) Tests/Evaluation/account.py --rate $(or $(RATE),100000) --answer $(or $(ANSWER),0%) \
	  $(if $(BEFORE),--before $(BEFORE_PROGRAM))

inventory: benchmark ## measure ten million single addresses under a million denied prefixes (docs/design/scaling.md)
	@build/benchmark inventory

planning: benchmark build/.setup-bench ## measure planning by shape and size of a target file: build/planning.png (docs/design/scaling.md)
	@$(PYTHON) Tests/Evaluation/planning.py build/benchmark build/planning.png

reference: tests ## write the generated tables of docs/reference/ and docs/design/manage.md again
	SYNBOX_WRITE_REFERENCE=1 $(call SWIFT_TEST,60) \
	  --filter 'ProgramTests\..*configuration reference|ManageTests\..*on the reference page|(ManageServiceTests|FleetServiceTests)\..*design page'

fmt: ## format every Swift file
	swift format --in-place --recursive Package.swift Sources Tests

check: build/.setup ## formatting, spelling, retired words and rules of tests, changing nothing
	packaging/toolchain --exact
	swift format lint --strict --recursive Package.swift Sources Tests
	codespell
	@# The checks can fail.
	@$(PYTHON) -m unittest discover -s Tests/Checks -p '*_test.py'
	$(PYTHON) Tests/Checks/suites.py
	$(PYTHON) Tests/Checks/words.py
	@# Links, paths, targets and diagrams of the documentation.
	@cd Tests/Docs && $(PYTHON) -m unittest pages_test

clean: ## remove everything that was built
	rm -rf build .build

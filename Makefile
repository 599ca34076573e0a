# Names the common commands, no more; the work is in scripts/.
#
#   make demo       build the library and run the C example against it
#   make test       everything that must hold before a change goes in
#   make bench      evaluations, starts and changes from every language, beside Split's SDKs and a bare lower bound: writes
#                   docs/benchmarks.md
#   make fuzz [MINUTES=n] [TARGET=name]
#                   fuzzers for everything that comes from outside, each for so many minutes of CPU time (20, and 60 for
#                   sequences of C calls): see docs/reliability.md
#   make sanitize   the C and C++ tests with the library itself under AddressSanitizer, then under ThreadSanitizer; the
#                   bindings under the first
#   make deny       the dependencies against the policy in deny.toml
#   make reproducible
#                   whether two clean builds give the same bytes
#   make docs       the reference of the C API, from its header: target/doc/c/html
#   make install    the library, its headers and the files for CMake and pkg-config, below PREFIX (/usr/local); DESTDIR is
#                   put before it
#   make wheel      the Python package, with the library inside
#   make gem        the gem for Ruby, with the library inside
#   make leaks      whether the memory of a Python and of a Ruby program stays flat over millions of evaluations
#   make soak       30 minutes, or MINUTES, of evaluations, events, edits and failures: whether memory, threads and
#                   descriptors stay flat; writes docs/soak.svg
#   make package-check
#                   the Debian packages in a clean root, and what cargo-c installs (as root; about twenty minutes)
#   make first-hour [LANGUAGE=name]
#                   what a newcomer meets, in each language, from an empty machine: writes docs/first-hour (as root; half an hour)

# CMake's makefiles would say so in dozens of lines.
MAKEFLAGS += --no-print-directory

.PHONY: demo test bench fuzz soak sanitize deny reproducible docs install package-check wheel gem leaks first-hour

wheel:
	@scripts/setup $@
	@scripts/python-wheel

gem:
	@scripts/setup $@
	@scripts/ruby-gem

leaks:
	@scripts/setup $@
	@scripts/pytests --leaks && scripts/rubytests --leaks

demo test bench sanitize deny reproducible docs package-check:
	@scripts/setup $@
	@scripts/$@

fuzz:
	@scripts/setup $@
	@MINUTES="$(MINUTES)" scripts/$@ $(TARGET)

install:
	@scripts/setup $@
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/$@

soak:
	@scripts/setup $@
	@scripts/$@ $(MINUTES)

first-hour:
	@scripts/setup $@
	@scripts/$@ $(LANGUAGE)

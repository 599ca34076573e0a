# Names the common commands, no more; the work is in scripts/.
#
#   make demo       build the library and run the C example against it
#   make test       everything that must hold before a change goes in
#   make bench      evaluations, starts and changes from every language, beside Split's SDKs and a bare lower bound: writes
#                   docs/benchmarks.md
#   make sanitize   the C and C++ tests with the library itself under AddressSanitizer, then under ThreadSanitizer
#   make install    the library, its headers and the files for CMake and pkg-config, below PREFIX (/usr/local); DESTDIR is
#                   put before it
#   make wheel      the Python package, with the library inside
#   make leaks      whether the memory of a Python and of a Ruby program stays flat over millions of evaluations
#   make soak       30 minutes, or MINUTES, of evaluations, events, edits and failures: whether memory, threads and
#                   descriptors stay flat; writes docs/soak.svg
#   make package-check
#                   the Debian packages in a clean root, and what cargo-c installs (as root; about twenty minutes)

.PHONY: demo test bench sanitize install package-check wheel leaks soak

wheel leaks:
	@scripts/setup $@
	@scripts/$(if $(filter wheel,$@),python-wheel,pytests --leaks && scripts/rubytests --leaks)

demo test bench sanitize package-check:
	@scripts/setup $@
	@scripts/$@

install:
	@scripts/setup $@
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/$@

soak:
	@scripts/setup $@
	@scripts/$@ $(MINUTES)

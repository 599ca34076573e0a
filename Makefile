# Names the common commands, no more; the work is in scripts/.
#
#   make demo       build the library and run the C example against it
#   make test       everything that must hold before a change goes in
#   make bench      ns per evaluation, beside a bare lower bound; µs per change by the stream; the start with much data,
#                   beside other SDKs
#   make sanitize   the C tests with the library itself under AddressSanitizer too
#   make wheel      the Python package, with the library inside
#   make leaks      whether a Python program's memory stays flat over millions of evaluations

.PHONY: demo test bench sanitize wheel leaks

wheel leaks:
	@scripts/setup $@
	@scripts/$(if $(filter wheel,$@),python-wheel,pytests --leaks)

demo test bench sanitize:
	@scripts/setup $@
	@scripts/$@

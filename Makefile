# Names the common commands, no more; the work is in scripts/.
#
#   make demo       build the library and run the C example against it
#   make test       everything that must hold before a change goes in
#   make bench      ns per evaluation in C and C++, beside a bare lower bound; µs per change by the stream; the start
#                   with much data, beside other SDKs
#   make sanitize   the C and C++ tests with the library itself under AddressSanitizer, then under ThreadSanitizer

.PHONY: demo test bench sanitize

demo test bench sanitize:
	@scripts/setup $@
	@scripts/$@

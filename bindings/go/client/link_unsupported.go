//go:build !dynamic && !(linux && amd64)

package client

// Without this, the linker would say which function is missing, and not why.

/*
#cgo CFLAGS: -I${SRCDIR}/../libsplitio
#error "this module has no static library for this platform: install libsplitio, and build with -tags dynamic"
*/
import "C"

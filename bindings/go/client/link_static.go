//go:build !dynamic && linux && amd64

package client

// Without the tag "dynamic": the static library that comes with this module.

/*
#cgo CFLAGS: -I${SRCDIR}/../libsplitio
#cgo LDFLAGS: ${SRCDIR}/../libsplitio/linux_amd64/libsplitio.a -lgcc_s -lutil -lrt -lpthread -lm -ldl
*/
import "C"

// So that "go mod vendor" takes the library along.
import (
	_ "github.com/libsplitio/libsplitio/bindings/go/libsplitio"
	_ "github.com/libsplitio/libsplitio/bindings/go/libsplitio/linux_amd64"
)

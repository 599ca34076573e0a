//go:build !cgo

package client

import _ "github.com/libsplitio/libsplitio/bindings/go/internal/cgo"
